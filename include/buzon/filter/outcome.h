// filter/outcome.h - how the programs dealt with a message, the limits they run under, and the source of the message.
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
    // Longest time in which no program reads an octet and the last one writes none (0: no limit). It stops while the
    // owner has paused.
    std::chrono::milliseconds without_progress{60'000};
    std::chrono::milliseconds between_term_and_kill{2'000};
    ResourceLimits resources;
    ProgramOwner owner;                   // whose hosts start the programs
    posix::Ids mail_owner;                // whose mail it is: a long-running program serves one owner
    std::string maildrop;                 // or, if the owner is not known, one maildrop
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
    answer,        // a long-running program said "fail"
    protocol,      // it broke the protocol, or left its answer incomplete
    system,        // while the programs ran, a system call of ours failed, memory ran out, or their host died
};

struct Outcome {
    Cause cause = Cause::none;
    std::string text = {}; // for the log: "/usr/bin/sed: exit status 1"; empty when ok

    [[nodiscard]] bool ok() const noexcept { return cause == Cause::none; }
};

// The outcome for a program that could not be started. step: what failed (host_message.h).
[[nodiscard]] Outcome no_start(std::string_view program, std::error_code why, std::string_view step);

// "60 s", "1500 ms"
[[nodiscard]] std::string in_words(std::chrono::milliseconds time);

// The message that programs are given, piece by piece or as a file.
class MessageSource {
public:
    [[nodiscard]] virtual std::uint64_t size() const = 0; // octets, as stored
    // The octets from `offset` on, at least one, valid until the next call. would_block: call Passage::go_on() when
    // there are some. end: the message has become shorter. failed: it cannot be read.
    [[nodiscard]] virtual posix::Transfer read(std::uint64_t offset, std::string_view& octets) = 0;
    // The file itself, positioned at its beginning, for a program to read as its standard input. The source is empty
    // afterwards.
    [[nodiscard]] virtual posix::UniqueFd take_file() = 0;

protected:
    ~MessageSource() = default;
};

} // namespace buzon::filter
