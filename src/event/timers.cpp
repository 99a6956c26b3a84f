#include "buzon/event/timers.h"

#include <algorithm>

#include "buzon/event/memory.h"

namespace buzon::event {
namespace {
constexpr std::chrono::seconds pause_without_memory{1};
} // namespace

void Timer::arm(Timers& timers, Instant deadline) {
    if (timers_ == &timers && (place_ & in_due) == 0) {
        const bool later = deadline > deadline_;
        deadline_ = deadline;
        later ? timers.sift_down(place_) : timers.sift_up(place_);
        return;
    }
    timers.make_room();
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

std::size_t Timers::expire(Instant now) {
    while (!heap_.empty() && heap_.front()->deadline_ <= now) {
        Timer* const timer = heap_.front();
        remove(*timer);
        timer->timers_ = this;
        timer->place_ = Timer::in_due | due_.size();
        due_.push_back(timer);
    }
    std::size_t failed = 0;
    // A handler may destroy or disarm any other timer; remove() then clears its slot.
    for (std::size_t i = 0; i < due_.size(); ++i)
        if (due_[i] && !fire(i, now)) ++failed;
    due_.clear();
    return failed;
}

// Returns false if the handler ran out of memory.
bool Timers::fire(std::size_t place_in_due, Instant now) {
    Timer& timer = *due_[place_in_due];
    bool well = true;
    timer.place_ |= Timer::firing;
    guarded([&] { timer.handler_->on_timer(timer); }, [&] { well = false; });
    if (due_[place_in_due] != &timer) return well; // disarmed, destroyed, or armed again
    remove(timer);
    if (well) return true;
    timer.deadline_ = now + pause_without_memory;
    insert(timer);
    return false;
}

void Timers::make_room() {
    const std::size_t wanted = heap_.size() + due_.size() + 1;
    for (std::vector<Timer*>* const list : {&heap_, &due_})
        if (list->capacity() < wanted) list->reserve(std::max<std::size_t>(64, 2 * wanted));
}

void Timers::insert(Timer& timer) noexcept {
    heap_.push_back(&timer);
    timer.timers_ = this;
    timer.place_ = heap_.size() - 1;
    sift_up(timer.place_);
}

void Timers::remove(Timer& timer) noexcept {
    timer.timers_ = nullptr;
    if (timer.place_ & Timer::in_due) {
        due_[timer.place_ & ~(Timer::in_due | Timer::firing)] = nullptr;
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
