// event/event_loop.h - tells who is ready. Knows descriptors, deadlines and turns; nothing of mail.
//
// One turn of the loop: wait for readiness, tell the handlers, fire the due timers, run the tasks that were put off
// to this turn. Nobody in it may wait for anything.
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
    // events: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR as epoll_wait(2) gave them. In here any watch may be
    // stopped or destroyed, this one too. If this finds no memory the loop goes on; the event comes again as long as it
    // holds.
    virtual void on_ready(std::uint32_t events) = 0;

protected:
    ~Handler() = default;
};

// A handler that nobody but the loop owns: what must outlive the object that began it.
class OwnedHandler : public Handler {
public:
    OwnedHandler() = default;
    OwnedHandler(const OwnedHandler&) = delete;
    OwnedHandler& operator=(const OwnedHandler&) = delete;
    virtual ~OwnedHandler() = default;

private:
    friend class EventLoop;
    std::unique_ptr<OwnedHandler> next_; // of the loop's
};

// One watched descriptor, which is borrowed: stop the watch (or destroy it) before the descriptor is closed.
class Watch {
public:
    Watch() = default;
    Watch(Watch&& other) noexcept;
    Watch& operator=(Watch&& other) noexcept;
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() { stop(); }

    // Level-triggered. Fails as epoll_ctl(2) does: EPERM for a regular file, ENOMEM, ENOSPC.
    // Replaces an earlier watch of this object.
    [[nodiscard]] std::error_code start(EventLoop& loop, int fd, std::uint32_t interest, Handler& handler);

    // No system call when nothing changes. With interest 0 epoll still reports HUP and ERR: a socket wants that (its
    // peer's end), a paused pipe does not (it would spin): stop() that one and start it again.
    void interest(std::uint32_t events) noexcept;
    [[nodiscard]] std::uint32_t interest() const noexcept;
    [[nodiscard]] bool active() const noexcept { return loop_ != nullptr; }
    void stop() noexcept;
    // The end of both, with a system call less. Only for a descriptor of which nobody has a copy but children on their
    // way to execve(2): the kernel reports it for as long as one is open, though nobody is told any more.
    void close(posix::UniqueFd& watched) noexcept;

private:
    void leave() noexcept;

    EventLoop* loop_ = nullptr;
    std::uint32_t slot_ = 0;
};

// Something to do in the next turn: the rest of a long piece of work, or what must not be done inside a callback.
class Task {
public:
    Task() = default;
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;

    [[nodiscard]] bool pending() const noexcept { return previous_ != nullptr; }
    void cancel() noexcept;

    // If this finds no memory it is called once more in the next turn.
    virtual void run() = 0;

    virtual ~Task() { cancel(); }

private:
    friend class EventLoop;
    Task* next_ = nullptr;     // a ring through EventLoop's anchor
    Task* previous_ = nullptr; // null, with next_ the anchor of the one that runs, while it runs
};

struct LoopStatistics {
    std::uint64_t turns = 0;
    std::uint64_t events = 0;
    std::chrono::nanoseconds busy{0};         // time spent in handlers, all turns
    std::chrono::nanoseconds longest_turn{0}; // since the last call of take_statistics()
    std::uint64_t without_memory = 0;         // handlers, timers and tasks whose work was given up
};

class EventLoop {
public:
    EventLoop(); // throws std::system_error when the kernel gives no epoll descriptor
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;
    ~EventLoop();

    // Turns until stop() was called.
    void run();
    // One turn; waits for at most `limit`. For run() and for tests.
    void turn(std::chrono::milliseconds limit);
    void stop() noexcept { stopped_ = true; }

    // The time at the beginning of this turn's work: one clock reading serves all handlers of the turn.
    [[nodiscard]] Instant now() const noexcept { return now_; }
    [[nodiscard]] Timers& timers() noexcept { return timers_; }

    // Runs the task once, in the next turn. A task that is already pending stays where it is in the queue.
    void next_turn(Task& task) noexcept;

    // Keeps the handler until disown() or the loop's end. disown() destroys it after the turn, so it may be called by
    // the handler itself.
    void own(std::unique_ptr<OwnedHandler> handler) noexcept;
    void disown(OwnedHandler& handler) noexcept;

    [[nodiscard]] LoopStatistics take_statistics() noexcept;
    // LoopStatistics::busy, without this turn.
    [[nodiscard]] std::chrono::nanoseconds busy() const noexcept { return statistics_.busy; }
    [[nodiscard]] std::size_t watched() const noexcept { return watched_; }

private:
    friend class Watch;
    // Tickets are a slot and its generation: an event of an ended watch carries an old generation and is dropped, even
    // when accept() has reused the descriptor's number in the same batch.
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
    Anchor tasks_; // the ring of what runs in the next turn
    Anchor now_running_;
    Anchor running_; // the one that runs, unless it was cancelled or put off again meanwhile
    Instant now_;
    LoopStatistics statistics_;
    std::unique_ptr<OwnedHandler> owned_; // after the slots: their watches end before the loop does
    std::unique_ptr<OwnedHandler> disowned_;
    bool stopped_ = false;
};

} // namespace buzon::event
