// filter/filter_queue.h - whose turn it is to run a program. Knows users by name, no programs and no processes.
//
// At most `running` tickets hold a turn. The others wait, each user's in the order they came, and users take turns one
// after the other, so that a mailbox with a hundred connections gets no more of a busy server than one with a single
// connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "buzon/event/event_loop.h"
#include "buzon/event/timers.h"

namespace buzon::filter {

struct QueueLimits {
    std::size_t running = 4; // at least 1 is used
    std::size_t waiting = 10'000;
    std::chrono::milliseconds patience{30'000}; // longest wait for a turn
};

class Ticket;
class Queue;

class TicketHandler {
public:
    // The turn has come; it lasts until the ticket is released or destroyed. Never called from within enter().
    virtual void on_turn(Ticket& ticket) = 0;
    // Waited longer than the limit: the ticket has left the queue.
    virtual void on_patience_lost(Ticket& ticket) = 0;

protected:
    ~TicketHandler() = default;
};

// One wish to run. Destroying it gives up its turn or its place in the queue. In the handler any ticket may be
// destroyed.
class Ticket final : private event::TimerHandler {
public:
    explicit Ticket(TicketHandler& handler) noexcept : handler_{handler}, timer_{*this} {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() { release(); }

    enum class State { idle, waiting, running };
    [[nodiscard]] State state() const noexcept { return state_; }
    // Gives up the turn or the place; harmless when there is none.
    void release() noexcept;

private:
    friend class Queue;
    void on_timer(event::Timer&) override;

    struct User;
    TicketHandler& handler_;
    event::Timer timer_;
    Queue* queue_ = nullptr;
    State state_ = State::idle;
    std::list<User>::iterator user_{};        // while waiting
    std::list<Ticket*>::iterator position_{}; // while waiting
};

struct Ticket::User {
    std::string name;
    std::list<Ticket*> waiting; // never empty
};

class Queue final : private event::Task {
public:
    // Must outlive its tickets.
    Queue(event::EventLoop& loop, const QueueLimits& limits) : loop_{loop}, limits_{limits} {}
    ~Queue() override = default;

    enum class Entry {
        now,     // the turn is yours at once; no event follows
        waiting, // on_turn() or on_patience_lost() follows
        full,    // too many wait: the ticket stays idle
    };
    // A ticket that is not idle is released first.
    [[nodiscard]] Entry enter(Ticket& ticket, std::string_view user);

    // Takes effect at once: more turns are given in the next turn of the loop, none is taken away. Those who wait keep
    // the patience they came with.
    void set_limits(const QueueLimits& limits);
    [[nodiscard]] const QueueLimits& limits() const noexcept { return limits_; }

    [[nodiscard]] std::size_t running() const noexcept { return running_; }
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }

private:
    friend class Ticket;
    using Users = std::list<Ticket::User>;

    void run() override; // gives away the turns that have become free
    [[nodiscard]] bool turn_free() const noexcept { return running_ < limits_.running || running_ == 0; }
    void leave(Ticket& ticket) noexcept;
    void forget(Ticket& ticket) noexcept; // takes it out of its user's list

    event::EventLoop& loop_;
    QueueLimits limits_;
    std::size_t running_ = 0;
    std::size_t waiting_ = 0;
    Users users_;                                                   // those who wait; the first is next
    std::unordered_map<std::string_view, Users::iterator> by_name_; // views into users_
};

} // namespace buzon::filter
