// filter/filter_run.h - runs one message through the programs of a SPEC. Knows no POP3.
//
//   start() ─► running ── every member exited with 0, and all output has been read ────────────► on_ended(ok)
//                 │  ╲
//                 │   ╲── a member failed; unread output does not matter ─────────────────────► on_ended(cause)
//                 └── no progress within the limit ─► SIGTERM ─ 2 s ─► SIGKILL ───────────────► on_ended(time_limit)
//   abandon() or destruction at any time: SIGKILL to all, no on_ended().
//
// The message's descriptor is the first program's standard input, so nothing is copied. The owner reads output when
// on_output() is called. A program that closes its standard output but keeps running has not ended. The run does not
// wait for a grandchild that still holds the pipe when the program has ended. Whatever is left of the process groups is
// killed at the end.
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
    // Longest time in which no program reads an octet and the last one writes none (0: no limit). It does not run while
    // the owner has paused.
    std::chrono::milliseconds without_progress{60'000};
    std::chrono::milliseconds between_term_and_kill{2'000};
    ResourceLimits resources;
    std::optional<RunAs> run_as;
    std::size_t pipe_octets = 1 << 20;    // asked for; the kernel may grant less
    std::size_t stderr_lines = 20;        // per run; further lines are read, counted and dropped
    std::size_t stderr_line_octets = 500; // longer lines are cut
};

enum class Cause {
    none,          // success
    cannot_start,  // no program ran, or a later one of the chain could not be started
    no_descriptor, // no program ran, for lack of descriptors: try again when some are free
    exit_status,   // other than 0
    signal,        // killed, also by a resource limit
    time_limit,    // no progress
    system,        // a system call of ours failed while the programs ran
};

struct Outcome {
    Cause cause = Cause::none;
    std::string text = {}; // for the log: "/usr/bin/sed: exit status 1"; empty when ok

    [[nodiscard]] bool ok() const noexcept { return cause == Cause::none; }
};

// The run may be abandoned or destroyed in any of these.
class RunEvents {
public:
    // There is output, or its end, to read(). Level-triggered: called again as long as that is true and the run is not
    // paused.
    virtual void on_output() = 0;
    // The last callback. If the outcome is ok, all output has been read; otherwise unread output is lost.
    virtual void on_ended(const Outcome& outcome) = 0;
    // A line that a member wrote to standard error, without line end; control characters become '?'.
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

    // Call it once, and again only after a failure. input: the message, opened for this run only (the programs move its
    // offset). The arguments need not outlive the call. ok: it runs, and callbacks follow after this returns; otherwise
    // nothing runs and no callback follows.
    [[nodiscard]] Outcome start(const FilterSpec& spec, posix::UniqueFd input, const Environment& environment,
                                const Limits& limits);

    // Up to into.size() octets of output. would_block: wait for on_output(). end: on_ended() follows (at once or when
    // the programs have ended). failed: on_ended(system) follows, whatever the programs did.
    [[nodiscard]] posix::Transfer read(std::span<char> into);

    // Backpressure: while paused there is no on_output(), the programs wait, and their time limit does not run. Both
    // may be called repeatedly and in any state.
    void pause() noexcept;
    void resume();

    // Kills everything at once; no callback follows. Does not wait: the loop reaps the children.
    void abandon() noexcept;

    [[nodiscard]] bool running() const noexcept;
    // The process groups of the members while the run is running, in the order of the chain.
    [[nodiscard]] std::vector<pid_t> processes() const;

private:
    class Machine;
    std::unique_ptr<Machine> machine_;
};

} // namespace buzon::filter
