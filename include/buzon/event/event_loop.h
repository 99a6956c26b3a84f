// event/event_loop.h - the event loop: descriptors, timers and tasks.
//
// One turn of the loop: wait for events, call the handlers, fire the due timers, run the tasks scheduled for this turn.
// Nothing in a turn may block.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

#include "buzon/event/timers.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::event {

class EventLoop;

class Handler {
public:
    // events: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR as reported by epoll_wait(2). The handler may stop or
    // destroy any watch, including its own. If it runs out of memory, the loop goes on and reports the event again
    // while it holds.
    virtual void on_ready(std::uint32_t events) = 0;

protected:
    ~Handler() = default;
};

// A handler owned by the loop, because it must outlive the object that created it.
class OwnedHandler : public Handler {
public:
    OwnedHandler() = default;
    OwnedHandler(const OwnedHandler&) = delete;
    OwnedHandler& operator=(const OwnedHandler&) = delete;
    virtual ~OwnedHandler() = default;

private:
    friend class EventLoop;
    std::unique_ptr<OwnedHandler> next_; // in the loop's list
};

// One watched descriptor, which is borrowed: stop or destroy the watch before closing the descriptor.
class Watch {
public:
    Watch() = default;
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() { stop(); }

    // Level-triggered. Fails as epoll_ctl(2) does: EPERM for a regular file, ENOMEM, ENOSPC.
    // Replaces an earlier watch of this object.
    [[nodiscard]] std::error_code start(EventLoop& loop, int fd, std::uint32_t interest, Handler& handler);

    // No system call if nothing changes. With interest 0, epoll still reports HUP and ERR. That is right for a socket
    // (the peer closed), but a paused pipe would spin: stop() that one and start it again.
    void interest(std::uint32_t events) noexcept;
    [[nodiscard]] std::uint32_t interest() const noexcept;
    [[nodiscard]] bool active() const noexcept { return loop_ != nullptr; }
    void stop() noexcept;
    // Stops the watch and closes the descriptor, saving a system call. No copy of the descriptor may exist, except in
    // children about to call execve(2): while a copy is open, the kernel keeps reporting events, which are dropped.
    void close(posix::UniqueFd& watched) noexcept;

private:
    void leave() noexcept;

    EventLoop* loop_ = nullptr;
    std::uint32_t slot_ = 0;
};

// Something to run later: the rest of a long piece of work, or work that must not run inside a callback.
class Task {
public:
    Task() = default;
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;

    [[nodiscard]] bool pending() const noexcept { return previous_ != nullptr; }
    void cancel() noexcept;

    // If this runs out of memory, it is called once more in the next turn.
    virtual void run() = 0;

    virtual ~Task() { cancel(); }

private:
    friend class EventLoop;
    Task* next_ = nullptr;     // a ring through EventLoop's anchor
    Task* previous_ = nullptr; // null while it runs; next_ is then EventLoop::running_
};

struct LoopStatistics {
    std::chrono::nanoseconds longest_turn{0}; // since the last call of take_statistics()
    std::chrono::nanoseconds busy{0};         // all turns since then
    std::uint64_t without_memory = 0;         // calls of handlers, timers and tasks that ran out of memory
};

class EventLoop {
public:
    EventLoop(); // throws std::system_error if the kernel refuses an epoll descriptor
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;
    ~EventLoop();

    // Runs turns until stop() is called.
    void run();
    // Runs one turn; waits at most `limit` for events. For run() and for tests.
    void turn(std::chrono::milliseconds limit);
    void stop() noexcept { stopped_ = true; }

    // The time when this turn's work began; all handlers of a turn share one clock reading.
    [[nodiscard]] Instant now() const noexcept { return now_; }
    [[nodiscard]] Timers& timers() noexcept { return timers_; }

    // Runs the task once, at the end of this turn; if a task calls this, at the end of the next turn. A task that is
    // already pending keeps its place in the queue.
    void next_turn(Task& task) noexcept;

    // Keeps the handler until disown() or the end of the loop. disown() destroys it after the turn, so the handler may
    // call it itself.
    void own(std::unique_ptr<OwnedHandler> handler) noexcept;
    void disown(OwnedHandler& handler) noexcept;

    [[nodiscard]] LoopStatistics take_statistics() noexcept;
    [[nodiscard]] std::size_t watched() const noexcept { return watched_; }

private:
    friend class Watch;
    // epoll's data holds a slot and its generation. An event of a stopped watch has an old generation and is dropped,
    // even if accept() has reused the descriptor's number in the same batch.
    struct Slot {
        Handler* handler = nullptr;
        int fd = -1;
        std::uint32_t interest = 0;
        std::uint32_t generation = 0;
        std::uint32_t next_free = 0;
    };
    class Anchor final : public Task {
        void run() override {}
    };

    void dispatch(std::span<const epoll_event> batch);
    void run_tasks();
    void run_task(Task& task);
    void found_no_memory() noexcept { ++statistics_.without_memory; }
    [[nodiscard]] int wait_milliseconds(std::chrono::milliseconds limit) const;

    posix::UniqueFd epoll_;
    std::vector<Slot> slots_;
    std::uint32_t first_free_ = 0; // index + 1; 0: none
    std::size_t watched_ = 0;
    Timers timers_;
    Anchor tasks_; // ring of the queued tasks
    Anchor now_running_;
    Anchor running_; // points to the running task, unless it was cancelled or queued again
    Instant now_;
    LoopStatistics statistics_;
    std::unique_ptr<OwnedHandler> owned_; // after the slots: their watches must be destroyed first
    std::unique_ptr<OwnedHandler> disowned_;
    bool stopped_ = false;
};

} // namespace buzon::event
