#include "buzon/event/timers.h"

#include <utility>

namespace buzon::event {
namespace {
// A timer that was taken out of the heap and waits in due_ keeps its place there, marked by this bit.
constexpr std::size_t in_due = std::size_t{1} << (sizeof(std::size_t) * 8 - 1);
} // namespace

void Timer::arm(Timers& timers, Instant deadline) {
    if (timers_ == &timers && (place_ & in_due) == 0) {
        const bool later = deadline > deadline_;
        deadline_ = deadline;
        later ? timers.sift_down(place_) : timers.sift_up(place_);
        return;
    }
    disarm();
    deadline_ = deadline;
    timers.insert(*this);
}

void Timer::disarm() noexcept {
    if (timers_) timers_->remove(*this);
}

Timers::~Timers() {
    for (Timer* timer : heap_) timer->timers_ = nullptr;
    for (Timer* timer : due_) {
        if (timer) timer->timers_ = nullptr;
    }
}

std::optional<Instant> Timers::next() const noexcept {
    if (heap_.empty()) return std::nullopt;
    return heap_.front()->deadline_;
}

void Timers::expire(Instant now) {
    while (!heap_.empty() && heap_.front()->deadline_ <= now) {
        Timer* const timer = heap_.front();
        remove(*timer);
        timer->timers_ = this;
        timer->place_ = in_due | due_.size();
        due_.push_back(timer);
    }
    // A handler may destroy or disarm any other timer: remove() then empties its slot.
    for (std::size_t i = 0; i < due_.size(); ++i) {
        Timer* const timer = std::exchange(due_[i], nullptr);
        if (!timer) continue;
        timer->timers_ = nullptr;
        timer->handler_->on_timer(*timer);
    }
    due_.clear();
}

void Timers::insert(Timer& timer) {
    heap_.push_back(&timer);
    timer.timers_ = this;
    timer.place_ = heap_.size() - 1;
    sift_up(timer.place_);
}

void Timers::remove(Timer& timer) noexcept {
    timer.timers_ = nullptr;
    if (timer.place_ & in_due) {
        due_[timer.place_ & ~in_due] = nullptr;
        return;
    }
    const std::size_t place = timer.place_;
    Timer* const last = heap_.back();
    heap_.pop_back();
    if (last == &timer) return;
    put(place, last);
    sift_up(place);
    sift_down(last->place_);
}

void Timers::put(std::size_t place, Timer* timer) noexcept {
    heap_[place] = timer;
    timer->place_ = place;
}

void Timers::sift_up(std::size_t place) noexcept {
    Timer* const timer = heap_[place];
    while (place > 0) {
        const std::size_t parent = (place - 1) / 2;
        if (heap_[parent]->deadline_ <= timer->deadline_) break;
        put(place, heap_[parent]);
        place = parent;
    }
    put(place, timer);
}

void Timers::sift_down(std::size_t place) noexcept {
    Timer* const timer = heap_[place];
    for (;;) {
        std::size_t child = place * 2 + 1;
        if (child >= heap_.size()) break;
        if (child + 1 < heap_.size() && heap_[child + 1]->deadline_ < heap_[child]->deadline_) ++child;
        if (timer->deadline_ <= heap_[child]->deadline_) break;
        put(place, heap_[child]);
        place = child;
    }
    put(place, timer);
}

} // namespace buzon::event
