// bench/load/questions.h - what logged-in sessions ask, and the only correct answers.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "load/scenario.h"

namespace bench {

// Holds what questions point to; a deque, so that nothing in it moves.
using Texts = std::deque<std::string>;

// RETR of every message; `wires` must outlive the questions.
[[nodiscard]] std::vector<Question> retrievals(const std::vector<std::string>& wires);

struct Mix {
    std::uint64_t depth = 1; // commands sent in one piece
    bool noop_only = false;
};

// NOOP, STAT, LIST n by turns. The server's wording for NOOP is learned once, on the crowd's first session.
[[nodiscard]] std::vector<Question> command_mix(const Mix& wanted, const Maildrop& maildrop, Loop& loop, Crowd& crowd,
                                                Texts& texts);

enum class Listing { list, uidl };

// The whole listing. A server's unique-ids are its own: they are learned once, checked (RFC 1939 section 7), and must
// stay the same from then on. Throws std::runtime_error if they are invalid.
[[nodiscard]] std::vector<Question> listing(Listing which, const Maildrop& maildrop, Loop& loop, Crowd& crowd,
                                            Texts& texts);

} // namespace bench
