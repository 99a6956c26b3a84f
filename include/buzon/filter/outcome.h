// filter/outcome.h - how a message fared in a program, and what it is handed to programs with.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "buzon/filter/hosts.h"
#include "buzon/filter/program.h"
#include "buzon/posix/io.h"

namespace buzon::filter {

struct Limits {
    // Longest time in which no program reads an octet and the last one writes none (0: no limit). It does not run while
    // the owner has paused.
    std::chrono::milliseconds without_progress{60'000};
    std::chrono::milliseconds between_term_and_kill{2'000};
    ResourceLimits resources;
    ProgramOwner owner;                   // whose hosts start the programs
    posix::Ids mail_owner;                // whose mail it is: a program that lives on serves one owner
    std::string maildrop;                 // or, where that is not known, one maildrop
    std::shared_ptr<const Jail> jail;     // null: none
    std::size_t pipe_octets = 1 << 20;    // asked for; the kernel may grant less
    std::size_t stderr_lines = 20;        // per run; further lines are read, counted and dropped
    std::size_t stderr_line_octets = 500; // longer lines are cut
};

enum class Cause {
    none,          // success
    cannot_start,  // a program of the chain could not be started
    no_descriptor, // no program ran, for lack of descriptors: try again when some are free
    exit_status,   // other than 0
    signal,        // killed, also by a resource limit
    time_limit,    // no progress
    answer,        // a program that lives on said "fail"
    protocol,      // it said what it must not, or not all that it must
    system,        // a system call of ours failed while the programs ran
};

struct Outcome {
    Cause cause = Cause::none;
    std::string text = {}; // for the log: "/usr/bin/sed: exit status 1"; empty when ok

    [[nodiscard]] bool ok() const noexcept { return cause == Cause::none; }
};

// A program that could not be started, as step says (host_message.h).
[[nodiscard]] Outcome no_start(std::string_view program, std::error_code why, std::string_view step);

// "60 s", "1500 ms"
[[nodiscard]] std::string in_words(std::chrono::milliseconds time);

// A message that programs are handed piece by piece.
class MessageSource {
public:
    [[nodiscard]] virtual std::uint64_t size() const = 0; // octets, as stored
    // The octets from `offset` on, at least one, valid until the next call. would_block: Passage::go_on() is to be
    // called when there are some. end: the message is shorter than it was. failed: it cannot be read.
    [[nodiscard]] virtual posix::Transfer read(std::uint64_t offset, std::string_view& octets) = 0;
    // The file itself, from its beginning: for a program that reads it as its standard input. The source is empty then.
    [[nodiscard]] virtual posix::UniqueFd take_file() = 0;

protected:
    ~MessageSource() = default;
};

} // namespace buzon::filter
