// filter/filter_run.h - runs one message through the programs of a SPEC. Knows nothing of POP3.
//
//   start() ─► running ── every member exited with 0, and all output has been read ────────────► on_ended(ok)
//                 │  ╲
//                 │   ╲── a member could not start, or failed; unread output does not matter ─► on_ended(cause)
//                 └── no progress within the limit ─► SIGTERM ─ 2 s ─► SIGKILL ───────────────► on_ended(time_limit)
//   abandon() or destruction at any time: SIGKILL to all, no on_ended().
//
// The message's descriptor is the first program's standard input, so nothing is copied. The owner reads output when
// on_output() is called. A program that closes its standard output but keeps running has not ended. Once the program
// has ended, the run does not wait for a grandchild that still holds the pipe. Hosts (hosts.h) start the programs, and
// kill the processes that a program leaves behind.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/event/timers.h"
#include "buzon/filter/filter_spec.h"
#include "buzon/filter/hosts.h"
#include "buzon/filter/outcome.h"
#include "buzon/filter/program.h"
#include "buzon/posix/io.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::filter {

// The run may be abandoned or destroyed in any of these.
class RunEvents {
public:
    // All programs have been loaded. Output may arrive before this call.
    virtual void on_started() {}
    // There is output, or its end, to read(). Level-triggered: repeated while that is true and the run is not paused.
    virtual void on_output() = 0;
    // The last callback. If the outcome is ok, all output has been read; otherwise unread output is lost.
    virtual void on_ended(const Outcome& outcome) = 0;
    // A line that a member wrote to standard error, without its line end; control characters become '?'.
    virtual void on_stderr_line(std::string_view line) = 0;

protected:
    ~RunEvents() = default;
};

class Run final {
public:
    // The loop, the hosts and the events must outlive the run.
    Run(event::EventLoop& loop, Hosts& hosts, RunEvents& events);
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    ~Run();

    // Call it again only after a failure or after the previous run has ended. input: the message, opened for this run
    // only (the programs move its offset). The arguments need not outlive the call. ok: the programs are being started,
    // and callbacks follow after this returns, on_ended(cannot_start) among them; otherwise nothing runs and no
    // callback follows. into: a file, borrowed, that the last program writes to; then there is nothing to read().
    [[nodiscard]] Outcome start(const FilterSpec& spec, posix::UniqueFd input, const Environment& environment,
                                const Limits& limits, int into = -1);

    // Up to into.size() octets of output. would_block: wait for on_output(). end: on_ended() follows (at once or when
    // the programs have ended). failed: on_ended(system) follows, whatever the programs did.
    [[nodiscard]] posix::Transfer read(std::span<char> into);

    // Backpressure: while paused there is no on_output(), the programs wait, and their time limit does not run. Both
    // may be called repeatedly and in any state.
    void pause() noexcept;
    void resume();

    // Kills everything; no callback follows. Does not wait.
    void abandon() noexcept;

    [[nodiscard]] bool running() const noexcept;
    // The process groups of the members while the run is running, in chain order; 0: not known yet.
    [[nodiscard]] std::vector<pid_t> processes() const;

private:
    class Machine;
    std::unique_ptr<Machine> machine_;
};

} // namespace buzon::filter
