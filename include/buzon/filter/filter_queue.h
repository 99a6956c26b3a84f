// filter/filter_queue.h - decides whose program runs next. Knows users by name, but nothing of programs or processes.
//
// At most `running` tickets have a turn. The others wait: each user's tickets in order of arrival, and users in
// rotation, so a mailbox with a hundred connections gets no more of a busy server than one with a single connection.
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
    std::size_t running = 4; // at least 1
    std::size_t waiting = 10'000;
    std::chrono::milliseconds patience{30'000}; // longest wait for a turn
};

class Ticket;
class Queue;

class TicketHandler {
public:
    // The ticket gets its turn and keeps it until it is released or destroyed. Never called from within enter().
    virtual void on_turn(Ticket& ticket) = 0;
    // The ticket waited longer than the limit and has left the queue.
    virtual void on_patience_lost(Ticket& ticket) = 0;

protected:
    ~TicketHandler() = default;
};

// One request to run. Destroying it gives up its turn or its place in the queue. The handler may destroy any
// ticket.
class Ticket final : private event::TimerHandler {
public:
    explicit Ticket(TicketHandler& handler) noexcept : handler_{handler}, timer_{*this} {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() { release(); }

    enum class State { idle, waiting, running };
    [[nodiscard]] State state() const noexcept { return state_; }
    // Gives up the turn or the place in the queue, if there is one.
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
        now,     // has its turn at once; no callback follows
        waiting, // on_turn() or on_patience_lost() will follow
        full,    // the queue is full: the ticket stays idle
    };
    // A ticket that is not idle is released first.
    [[nodiscard]] Entry enter(Ticket& ticket, std::string_view user);

    // A higher limit takes effect in the next turn of the loop; a lower one takes no turn away. Tickets that are
    // already waiting keep their old patience.
    void set_limits(const QueueLimits& limits);
    [[nodiscard]] const QueueLimits& limits() const noexcept { return limits_; }

    [[nodiscard]] std::size_t running() const noexcept { return running_; }
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }

private:
    friend class Ticket;
    using Users = std::list<Ticket::User>;

    void run() override; // hands out the free turns
    [[nodiscard]] Users::iterator user_called(std::string_view name);
    [[nodiscard]] bool turn_free() const noexcept { return running_ < limits_.running || running_ == 0; }
    void leave(Ticket& ticket) noexcept;
    void forget(Ticket& ticket) noexcept; // takes it out of its user's list

    event::EventLoop& loop_;
    QueueLimits limits_;
    std::size_t running_ = 0;
    std::size_t waiting_ = 0;
    Users users_;                                                   // the waiting users; the first is next
    std::unordered_map<std::string_view, Users::iterator> by_name_; // views into users_
};

} // namespace buzon::filter
