#include "buzon/filter/filter_queue.h"

namespace buzon::filter {

void Ticket::release() noexcept {
    if (queue_) queue_->leave(*this);
}

void Ticket::on_timer(event::Timer&) {
    queue_->leave(*this);
    handler_.on_patience_lost(*this); // last: it may destroy this
}

Queue::Entry Queue::enter(Ticket& ticket, std::string_view user) {
    ticket.release();
    // A new ticket must not overtake those that wait for the free turn.
    if (waiting_ == 0 && turn_free()) {
        ++running_;
        ticket.queue_ = this;
        ticket.state_ = Ticket::State::running;
        return Entry::now;
    }
    if (waiting_ >= limits_.waiting) return Entry::full;
    // First everything that takes memory: without it, the queue stays as it is.
    std::list<Ticket*> place{&ticket};
    ticket.timer_.arm(loop_.timers(), loop_.now() + limits_.patience);
    try {
        ticket.user_ = user_called(user);
    } catch (...) {
        ticket.timer_.disarm();
        throw;
    }
    ticket.position_ = place.begin();
    ticket.user_->waiting.splice(ticket.user_->waiting.end(), place);
    ticket.queue_ = this;
    ticket.state_ = Ticket::State::waiting;
    ++waiting_;
    return Entry::waiting;
}

// A new user has an empty list.
Queue::Users::iterator Queue::user_called(std::string_view name) {
    if (const auto found = by_name_.find(name); found != by_name_.end()) return found->second;
    Users fresh;
    fresh.push_back({std::string{name}, {}});
    by_name_.emplace(fresh.front().name, fresh.begin());
    users_.splice(users_.end(), fresh); // last, because it cannot fail
    return std::prev(users_.end());
}

void Queue::set_limits(const QueueLimits& limits) {
    limits_ = limits;
    if (waiting_ > 0) loop_.next_turn(*this);
}

void Queue::leave(Ticket& ticket) noexcept {
    const bool was_running = ticket.state_ == Ticket::State::running;
    if (was_running) {
        --running_;
    } else {
        forget(ticket);
    }
    ticket.timer_.disarm();
    ticket.queue_ = nullptr;
    ticket.state_ = Ticket::State::idle;
    // Not here: the caller that releases a ticket may be in a destructor.
    if (was_running && waiting_ > 0) loop_.next_turn(*this);
}

void Queue::forget(Ticket& ticket) noexcept {
    --waiting_;
    ticket.user_->waiting.erase(ticket.position_);
    if (!ticket.user_->waiting.empty()) return;
    by_name_.erase(ticket.user_->name);
    users_.erase(ticket.user_);
}

void Queue::run() {
    while (waiting_ > 0 && turn_free()) {
        const Users::iterator user = users_.begin();
        Ticket& ticket = *user->waiting.front();
        users_.splice(users_.end(), users_, user); // the user's next ticket comes after everybody else's
        forget(ticket);
        ticket.timer_.disarm();
        ticket.state_ = Ticket::State::running;
        ++running_;
        ticket.handler_.on_turn(ticket); // may destroy any ticket
    }
}

} // namespace buzon::filter
