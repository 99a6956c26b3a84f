// filter/guard.h - sees to it that no program outlives the server, not even its grandchildren after a kill -9.
//
// A small process of our own beside the server (no child of it: nobody has to wait for it) sleeps on a socket whose
// other end only the server has, and shares one table with it: the process groups of the programs that run. A start
// writes into the table and wakes nobody. When the server dies, however it dies, the socket ends: the guard
// kills every group in the table, then whatever else belongs to those programs, and goes. While the server lives the
// guard clears, once a second at most, what a run that has ended left behind.
//
// What belongs to a program: its process group; and in whatever group or session (timeout(1) makes a group, setsid(1)
// both) a process that holds the writing end of its standard output or error. So a daemon that a program starts on
// purpose (gpg-agent is one) lives on, since such a one lets go of the pipes. A session of its own for each program
// would show more, but Linux schedules sessions apart (autogroups), which was seen to cost a fifth of the throughput.
// Process numbers are used again, so a number alone is never killed: see ours() in guard_process.cpp.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <system_error>

#include "buzon/posix/unique_fd.h"

namespace buzon::filter {

struct GuardTable;
struct GuardSlot;

class Guard {
public:
    // Forks: to be made early, while the process is small. Throws std::system_error.
    Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    // The guard process kills what is left and ends on its own.
    ~Guard();

    // One program's entry in the table. Must be gone before the guard is.
    class Place {
    public:
        Place() = default;
        Place(Place&& other) noexcept;
        Place& operator=(Place&& other) noexcept;
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        ~Place() { end(); }

        // The pipes that the program will hold for writing; borrowed.
        void pipes(int output, int errors) noexcept;
        // Async-signal-safe; called by the program's process itself before it becomes the program, so that there is no
        // moment at which it runs and is not known.
        void enter(pid_t leader) noexcept;
        // The leader has ended but is not reaped yet (until then its number cannot be another's).
        void end() noexcept;
        // The same while others that go on hold the same standard error: then the output alone tells what was its.
        void end_before_others() noexcept;

    private:
        friend class Guard;
        Guard* guard_ = nullptr;
        GuardSlot* slot_ = nullptr;
    };

    // With every place taken (thousands of programs at once) the result guards nothing; PR_SET_PDEATHSIG still does.
    [[nodiscard]] Place reserve() noexcept;

    // The guard process; for tests and for the log.
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

private:
    [[nodiscard]] std::error_code start() noexcept;
    void revive_if_gone() noexcept;
    void wake() noexcept;

    struct Unmap {
        void operator()(GuardTable* table) const noexcept;
    };
    std::unique_ptr<GuardTable, Unmap> table_;
    posix::UniqueFd lifeline_; // the guard process has the other end
    pid_t pid_ = -1;
    std::int64_t started_ = 0; // nanoseconds since boot
    std::size_t next_ = 0;     // where to look for a free place
};

} // namespace buzon::filter
