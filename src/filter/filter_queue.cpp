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
    auto found = by_name_.find(user);
    if (found == by_name_.end()) {
        users_.push_back({std::string{user}, {}});
        found = by_name_.emplace(users_.back().name, std::prev(users_.end())).first;
    }
    ticket.user_ = found->second;
    ticket.position_ = ticket.user_->waiting.insert(ticket.user_->waiting.end(), &ticket);
    ticket.queue_ = this;
    ticket.state_ = Ticket::State::waiting;
    ticket.timer_.arm(loop_.timers(), loop_.now() + limits_.patience);
    ++waiting_;
    return Entry::waiting;
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
