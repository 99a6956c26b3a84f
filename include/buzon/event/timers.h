// event/timers.h - deadlines by the ten thousand. Knows no clock: the loop tells it what time it is.
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
    // The timer is disarmed already and may be armed again, or destroyed, in here.
    virtual void on_timer(Timer& which) = 0;

protected:
    ~TimerHandler() = default;
};

// One deadline. Owned by whoever wants to be told; destroying it disarms it. Neither copied nor moved: Timers keeps
// its address while it is armed.
class Timer {
public:
    explicit Timer(TimerHandler& handler) noexcept : handler_{&handler} {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { disarm(); }

    // Replaces an earlier deadline. A deadline that has passed fires in the next turn of the loop.
    void arm(Timers& timers, Instant deadline);
    void disarm() noexcept;
    [[nodiscard]] bool armed() const noexcept { return timers_ != nullptr; }
    [[nodiscard]] Instant deadline() const noexcept { return deadline_; } // meaningful while armed

private:
    friend class Timers;
    TimerHandler* handler_;
    Timers* timers_ = nullptr;
    Instant deadline_{};
    std::size_t place_ = 0; // in the heap
};

// A binary heap of the armed timers: arm and disarm in O(log n), the next deadline in O(1).
// Sessions that see traffic do not re-arm at every command: they let the timer fire and look how idle they really are.
class Timers {
public:
    Timers() = default;
    Timers(const Timers&) = delete;
    Timers& operator=(const Timers&) = delete;
    ~Timers();

    [[nodiscard]] std::optional<Instant> next() const noexcept;
    [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }

    // Fires what is due at `now`. A handler that arms again for a time already past waits for the next call, so that
    // no handler can keep the loop here.
    void expire(Instant now);

private:
    friend class Timer;
    void insert(Timer& timer);
    void remove(Timer& timer) noexcept;
    void sift_up(std::size_t place) noexcept;
    void sift_down(std::size_t place) noexcept;
    void put(std::size_t place, Timer* timer) noexcept;

    std::vector<Timer*> heap_;
    std::vector<Timer*> due_; // being fired; a slot is emptied when its timer is disarmed meanwhile
};

} // namespace buzon::event
