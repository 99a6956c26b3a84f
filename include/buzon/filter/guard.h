// filter/guard.h - ensures that no program, and no grandchild, outlives the server, even after kill -9.
//
// A small process beside the server (not its child, so nobody has to reap it) sleeps on a socket whose other end only
// the server has. It shares a table with the server: the process groups of the running programs. Starting a program
// writes to the table and wakes nobody. When the server dies, for whatever reason, the socket closes; the guard then
// kills every group in the table and everything else that belongs to those programs, and exits. While the server lives,
// the guard removes, once a second at most, what finished runs left behind.
//
// A program's processes are its process group, and any process in any group or session (timeout(1) makes a group,
// setsid(1) both) that holds the writing end of its standard output or error. A daemon that a program starts on purpose
// (such as gpg-agent) survives, since it closes the pipes. A session per program would catch more, but Linux schedules
// sessions separately (autogroups), which cost a fifth of the throughput. Process ids are reused, so the guard never
// kills by id alone: see ours() in guard_process.cpp.
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
    // Forks, so create it early, while the process is small. Throws std::system_error.
    Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    // The guard process kills what is left and exits by itself.
    ~Guard();

    // One program's entry in the table. Must be destroyed before the guard.
    class Place {
    public:
        Place() = default;
        Place(Place&& other) noexcept;
        Place& operator=(Place&& other) noexcept;
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        ~Place() { end(); }

        // The pipes that the program will write to; borrowed.
        void pipes(int output, int errors) noexcept;
        // Async-signal-safe. The program's process calls it itself before it execs, so a running program is always in
        // the table.
        void enter(pid_t leader) noexcept;
        // The leader has ended but is not yet reaped (until then its id cannot be reused).
        void end() noexcept;
        // The same while other members share its standard error: then only the output pipe identifies its processes.
        void end_before_others() noexcept;

    private:
        friend class Guard;
        Guard* guard_ = nullptr;
        GuardSlot* slot_ = nullptr;
    };

    // If every entry is taken (thousands of programs at once), the result guards nothing; PR_SET_PDEATHSIG still works.
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
    std::size_t next_ = 0;     // where to look for a free entry
};

} // namespace buzon::filter
