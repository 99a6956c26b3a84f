// filter/filter_run.h - one message on its way through the programs of a SPEC. Knows no POP3.
//
//   start() ─► running ── every member has ended well, and what was written has been read ─────► on_ended(ok)
//                 │  ╲
//                 │   ╲── a member failed: the fate is known, unread output does not matter ──► on_ended(cause)
//                 └── no progress within the limit ─► SIGTERM ─ 2 s ─► SIGKILL ───────────────► on_ended(time_limit)
//   abandon(), or destruction, at any time: SIGKILL to all, no on_ended().
//
// The message's descriptor is the first program's standard input: no copy, no pump. Output is pulled by the owner when
// on_output() says so. A program that closes its standard output and lives on has not ended; a grandchild that still
// holds the pipe when the program has ended is not waited for. Whatever is left of the process groups is killed at the
// end.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/event/timers.h"
#include "buzon/filter/filter_spec.h"
#include "buzon/filter/spawn.h"
#include "buzon/posix/io.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::filter {

struct Limits {
    // Longest time in which not an octet is read by any of the programs or written by the last (0: no limit). Time in
    // which the owner has paused is not counted.
    std::chrono::milliseconds without_progress{60'000};
    std::chrono::milliseconds between_term_and_kill{2'000};
    ResourceLimits resources;
    std::optional<RunAs> run_as;
    std::size_t pipe_octets = 1 << 20;    // asked for; the kernel may grant less
    std::size_t stderr_lines = 20;        // of one run; the rest is read, counted and dropped
    std::size_t stderr_line_octets = 500; // longer lines are cut
};

enum class Cause {
    none,          // all went well
    cannot_start,  // no program ran, or a later one of the chain could not be started
    no_descriptor, // no program ran, since there are too many open files: worth another try when some are closed
    exit_status,   // other than 0
    signal,        // killed, also by a resource limit
    time_limit,    // no progress
    system,        // the kernel refused us something while the programs ran
};
// "cannot-start", "exit-status" …: for metrics and events.
[[nodiscard]] std::string_view name_of(Cause cause) noexcept;

struct Outcome {
    Cause cause = Cause::none;
    std::size_t member = 0;           // which of the chain, from 0; meaningful unless ok
    std::string text;                 // for the log: "/usr/bin/sed: exit status 1"; empty when ok
    std::chrono::microseconds cpu{0}; // spent by those members that have ended, with their children

    [[nodiscard]] bool ok() const noexcept { return cause == Cause::none; }
};

// In each of these the run may be abandoned or destroyed.
class RunEvents {
public:
    // There is output to read(), or its end. Comes again as long as that is so (level-triggered) and the run is not
    // paused.
    virtual void on_output() = 0;
    // The last event. If the outcome is ok everything written has been read; otherwise what was not read is lost.
    virtual void on_ended(const Outcome& outcome) = 0;
    // One line some member wrote to its standard error, without line end, control characters replaced by '?'.
    virtual void on_stderr_line(std::string_view line) = 0;

protected:
    ~RunEvents() = default;
};

class Run final {
public:
    // The loop, the launcher and the events must outlive the run.
    Run(event::EventLoop& loop, Launcher& launcher, RunEvents& events);
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    ~Run();

    // Once, and again after it was refused. input: the message, opened for this run alone (the programs move its
    // offset). Nothing of the arguments is needed afterwards. ok: it runs, events will follow, none before this
    // returns; otherwise nothing runs and no event will come.
    [[nodiscard]] Outcome start(const FilterSpec& spec, posix::UniqueFd input, const Environment& environment,
                                const Limits& limits);

    // Up to into.size() octets of output. would_block: on_output() will tell; end: there is no more, on_ended() follows
    // (at once or when the programs have ended); failed: on_ended(system) follows, whatever the programs did.
    [[nodiscard]] posix::Transfer read(std::span<char> into);

    // Backpressure: while paused there is no on_output(), the programs wait, and their time limit stands still.
    // Both may be called in any state, twice too.
    void pause() noexcept;
    void resume();

    // SIGKILL to everything at once; no event follows. Nobody waits: the loop reaps.
    void abandon() noexcept;

    [[nodiscard]] bool running() const noexcept;
    [[nodiscard]] std::uint64_t octets_read() const noexcept;
    // The process groups of the members while the run is running (for SESS and the log), in the order of the chain.
    [[nodiscard]] std::vector<pid_t> processes() const;

private:
    class Machine;
    std::unique_ptr<Machine> machine_;
};

} // namespace buzon::filter
