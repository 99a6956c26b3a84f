#include "buzon/event/event_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "buzon/event/memory.h"
#include "buzon/posix/result.h"

namespace buzon::event {
namespace {
// Large enough that a busy server needs few waits, small enough that a turn stays short.
constexpr std::size_t batch_size = 256;

std::uint64_t ticket(std::uint32_t slot, std::uint32_t generation) noexcept {
    return (std::uint64_t{generation} << 32) | slot;
}
} // namespace

// --- Watch ---

std::error_code Watch::start(EventLoop& loop, int fd, std::uint32_t interest, Handler& handler) {
    stop();
    std::uint32_t slot = 0;
    if (loop.first_free_ != 0) {
        slot = loop.first_free_ - 1;
    } else {
        slot = static_cast<std::uint32_t>(loop.slots_.size());
        loop.slots_.emplace_back();
    }
    EventLoop::Slot& entry = loop.slots_[slot];
    epoll_event event{};
    event.events = interest;
    event.data.u64 = ticket(slot, entry.generation);
    if (::epoll_ctl(loop.epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        const std::error_code why = posix::last_error();
        if (loop.first_free_ == 0) loop.slots_.pop_back();
        return why;
    }
    if (loop.first_free_ != 0) loop.first_free_ = entry.next_free;
    entry.handler = &handler;
    entry.fd = fd;
    entry.interest = interest;
    loop_ = &loop;
    slot_ = slot;
    ++loop.watched_;
    return {};
}

void Watch::interest(std::uint32_t events) noexcept {
    if (!loop_) return;
    EventLoop::Slot& entry = loop_->slots_[slot_];
    if (entry.interest == events) return;
    epoll_event event{};
    event.events = events;
    event.data.u64 = ticket(slot_, entry.generation);
    // Cannot fail for an open, registered descriptor, which start() and the owner ensure.
    if (::epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_MOD, entry.fd, &event) == 0) entry.interest = events;
}

std::uint32_t Watch::interest() const noexcept {
    return loop_ ? loop_->slots_[slot_].interest : 0;
}

void Watch::stop() noexcept {
    if (!loop_) return;
    ::epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_DEL, loop_->slots_[slot_].fd, nullptr);
    leave();
}

void Watch::close(posix::UniqueFd& watched) noexcept {
    if (loop_) leave();
    watched.reset();
}

void Watch::leave() noexcept {
    EventLoop& loop = *std::exchange(loop_, nullptr);
    EventLoop::Slot& entry = loop.slots_[slot_];
    entry.handler = nullptr;
    entry.fd = -1;
    ++entry.generation;
    entry.next_free = loop.first_free_;
    loop.first_free_ = slot_ + 1;
    --loop.watched_;
}

// --- Task ---

void Task::cancel() noexcept {
    if (!next_) return;
    if (previous_) {
        previous_->next_ = next_;
        next_->previous_ = previous_;
    } else {
        next_->next_ = nullptr; // it is running: the loop must not touch it afterwards
    }
    next_ = previous_ = nullptr;
}

// --- EventLoop ---

EventLoop::EventLoop() : epoll_{::epoll_create1(EPOLL_CLOEXEC)}, now_{Clock::now()} {
    if (!epoll_) throw std::system_error(posix::last_error(), "epoll");
    for (Task* anchor : {static_cast<Task*>(&tasks_), static_cast<Task*>(&now_running_)}) {
        anchor->next_ = anchor->previous_ = anchor;
    }
}

EventLoop::~EventLoop() {
    for (std::unique_ptr<OwnedHandler>* list : {&owned_, &disowned_})
        while (*list) *list = std::move((*list)->next_);
    for (Task* anchor : {static_cast<Task*>(&tasks_), static_cast<Task*>(&now_running_)}) {
        while (anchor->next_ != anchor) anchor->next_->cancel();
        anchor->next_ = anchor->previous_ = nullptr;
    }
}

void EventLoop::run() {
    stopped_ = false;
    while (!stopped_) turn(std::chrono::hours{1});
}

void EventLoop::turn(std::chrono::milliseconds limit) {
    std::array<epoll_event, batch_size> batch;
    const int n = ::epoll_wait(epoll_.get(), batch.data(), static_cast<int>(batch.size()), wait_milliseconds(limit));
    if (n < 0 && errno != EINTR) throw std::system_error(posix::last_error(), "epoll_wait");
    now_ = Clock::now();
    if (n > 0) dispatch({batch.data(), static_cast<std::size_t>(n)});
    statistics_.without_memory += timers_.expire(now_);
    run_tasks();
    while (disowned_) disowned_ = std::move(disowned_->next_);
    const std::chrono::nanoseconds turn = Clock::now() - now_;
    statistics_.longest_turn = std::max(statistics_.longest_turn, turn);
    statistics_.busy += turn;
}

void EventLoop::dispatch(std::span<const epoll_event> batch) {
    for (const epoll_event& event : batch) {
        const std::uint64_t which = event.data.u64; // copied: epoll_event is packed
        const std::uint32_t events = event.events;
        const auto slot = static_cast<std::uint32_t>(which);
        if (slot >= slots_.size()) continue;
        const Slot& entry = slots_[slot];
        if (!entry.handler || entry.generation != static_cast<std::uint32_t>(which >> 32)) continue;
        Handler& handler = *entry.handler;
        guarded([&] { handler.on_ready(events); }, [&] { found_no_memory(); });
    }
}

void EventLoop::next_turn(Task& task) noexcept {
    if (task.pending()) return;
    task.cancel();
    task.previous_ = tasks_.previous_;
    task.next_ = &tasks_;
    tasks_.previous_->next_ = &task;
    tasks_.previous_ = &task;
}

void EventLoop::run_tasks() {
    if (tasks_.next_ == &tasks_) return;
    // Only the tasks queued so far: one that is queued while they run has to wait for the next turn.
    now_running_.next_ = tasks_.next_;
    now_running_.previous_ = tasks_.previous_;
    now_running_.next_->previous_ = &now_running_;
    now_running_.previous_->next_ = &now_running_;
    tasks_.next_ = tasks_.previous_ = &tasks_;
    while (now_running_.next_ != &now_running_) {
        run_task(*now_running_.next_);
    }
}

void EventLoop::run_task(Task& task) {
    task.cancel();
    task.next_ = &running_;
    running_.next_ = &task;
    bool well = true;
    guarded([&] { task.run(); },
            [&] {
                found_no_memory();
                well = false;
            });
    if (running_.next_ != &task) return; // cancelled, destroyed, or queued again
    task.cancel();
    if (!well) next_turn(task);
}

void EventLoop::own(std::unique_ptr<OwnedHandler> handler) noexcept {
    handler->next_ = std::move(owned_);
    owned_ = std::move(handler);
}

void EventLoop::disown(OwnedHandler& handler) noexcept {
    std::unique_ptr<OwnedHandler>* place = &owned_;
    while (*place && place->get() != &handler) place = &(*place)->next_;
    if (!*place) return;
    std::unique_ptr<OwnedHandler> leaving = std::move(*place);
    *place = std::move(leaving->next_);
    leaving->next_ = std::move(disowned_);
    disowned_ = std::move(leaving);
}

int EventLoop::wait_milliseconds(std::chrono::milliseconds limit) const {
    if (tasks_.next_ != &tasks_) return 0;
    if (const std::optional<Instant> next = timers_.next()) {
        // Rounded up, so that the loop does not spin just before a timer is due.
        const auto until = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now());
        limit = std::clamp(until, std::chrono::milliseconds{0}, limit);
    }
    return static_cast<int>(limit.count());
}

LoopStatistics EventLoop::take_statistics() noexcept {
    const LoopStatistics taken = statistics_;
    statistics_.longest_turn = statistics_.busy = std::chrono::nanoseconds{0};
    return taken;
}

} // namespace buzon::event
