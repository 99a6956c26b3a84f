// event/child.h - the exit of a child process as an event of the loop (pidfd). It starts and kills no processes.
#pragma once

#include <sys/types.h>

#include <memory>

#include "buzon/event/event_loop.h"

namespace buzon::event {

class ChildHandler {
public:
    // The child has ended and was reaped, so its pid may already be reused. status: as waitpid(2) returns it
    // (WIFEXITED, WEXITSTATUS, WTERMSIG …).
    virtual void on_exit(int status) = 0;

protected:
    ~ChildHandler() = default;
};

class Undertaker;

// Waits for one child without blocking and without SIGCHLD, so no code can reap a child of other code. The child is
// reaped exactly once, whatever happens.
class Child final : private Handler {
public:
    explicit Child(ChildHandler& handler) noexcept;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    // A child that is still running is handed to the loop, which reaps it later: no waiting, no zombies.
    ~Child();

    // Takes the pidfd of a child of ours (from CLONE_PIDFD or pidfd_open).
    // When this throws, or refuses, the child is nobody's.
    [[nodiscard]] std::error_code start(EventLoop& loop, posix::UniqueFd pidfd);
    [[nodiscard]] bool running() const noexcept { return static_cast<bool>(pidfd_); }
    // Signals the child itself; harmless after its end, since the pidfd never names another process.
    void signal(int number) noexcept;

private:
    void on_ready(std::uint32_t events) override;

    ChildHandler& handler_;
    posix::UniqueFd pidfd_;
    Watch watch_;
    std::unique_ptr<Undertaker> undertaker_; // called by the destructor, which can have no memory
};

// Waits, inside the loop, for a child whose owner has gone.
class Undertaker final : public OwnedHandler {
public:
    explicit Undertaker(EventLoop& loop) noexcept : loop_{loop} {}
    // Never throws, so that destructors can call it: the watch of the owner, who has just ended it, has left its place.
    static void take(std::unique_ptr<Undertaker> undertaker, posix::UniqueFd pidfd) noexcept;

private:
    void on_ready(std::uint32_t events) override;

    EventLoop& loop_;
    posix::UniqueFd pidfd_;
    Watch watch_;
};

// syscall(pidfd_open): the header of glibc 2.36 does not work in C++.
[[nodiscard]] posix::UniqueFd open_pidfd(pid_t pid) noexcept;

} // namespace buzon::event
