// event/timers.h - tens of thousands of deadlines. Has no clock: the loop passes in the time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace buzon::event {

using Clock = std::chrono::steady_clock;
using Instant = Clock::time_point;

class Timer;
class Timers;

class TimerHandler {
public:
    // The timer is already disarmed. The handler may arm it again or destroy it. If it runs out of memory and has not
    // armed the timer again, it is called once more a little later.
    virtual void on_timer(Timer& which) = 0;

protected:
    ~TimerHandler() = default;
};

// One deadline, owned by its user; destroying it disarms it. It cannot be copied or moved: Timers keeps its address
// while it is armed.
class Timer {
public:
    explicit Timer(TimerHandler& handler) noexcept : handler_{&handler} {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { disarm(); }

    // Replaces an earlier deadline. A deadline that has passed fires in the next turn of the loop. Allocates no memory
    // if the timer is armed already, unless it is about to fire in this turn.
    void arm(Timers& timers, Instant deadline);
    void disarm() noexcept;
    [[nodiscard]] bool armed() const noexcept { return timers_ != nullptr && (place_ & firing) == 0; }
    [[nodiscard]] Instant deadline() const noexcept { return deadline_; } // meaningful while armed

private:
    friend class Timers;
    TimerHandler* handler_;
    Timers* timers_ = nullptr;
    Instant deadline_{};
    std::size_t place_ = 0;                                                                // index in heap_ or due_
    static constexpr std::size_t in_due = std::size_t{1} << (sizeof(std::size_t) * 8 - 1); // flag: it is in due_
    static constexpr std::size_t firing = in_due >> 1; // flag: its handler is being called
};

// A binary heap of the armed timers: arm and disarm in O(log n), the next deadline in O(1).
// Busy sessions do not re-arm at every command: they let the timer fire and then check how long they have been idle.
class Timers {
public:
    Timers() = default;
    Timers(const Timers&) = delete;
    Timers& operator=(const Timers&) = delete;
    ~Timers();

    [[nodiscard]] std::optional<Instant> next() const noexcept;
    [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }

    // Fires the timers that are due at `now`. A timer that its handler arms again for a time already past waits for the
    // next call, so that no handler can keep the loop here. Returns how many handlers ran out of memory.
    std::size_t expire(Instant now);

private:
    friend class Timer;
    void make_room(); // for one more
    void insert(Timer& timer) noexcept;
    [[nodiscard]] bool fire(std::size_t place_in_due, Instant now);
    void remove(Timer& timer) noexcept;
    void sift_up(std::size_t place) noexcept;
    void sift_down(std::size_t place) noexcept;
    void put(std::size_t place, Timer* timer) noexcept;

    std::vector<Timer*> heap_;
    // Timers being fired. If one is disarmed meanwhile, its slot is set to null. Both vectors have room for all timers.
    std::vector<Timer*> due_;
};

} // namespace buzon::event
