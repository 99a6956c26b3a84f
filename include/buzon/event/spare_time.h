// event/spare_time.h - how much of the loop's time may go to work for which nobody is to be kept waiting. Knows neither
// the loop nor the work: times in, yes or no out.
#pragma once

#include <chrono>

#include "buzon/event/timers.h"

namespace buzon::event {

// Such work may fill the loop to three quarters, and has a two-hundredth of its time however busy it is.
class SpareTime {
public:
    static constexpr std::chrono::milliseconds window{8};   // over which is judged how busy the loop is
    static constexpr std::chrono::milliseconds most{6};     // what is not used beyond this is no longer to be had,
    static constexpr std::chrono::milliseconds at_first{1}; // nor is what is beyond this when work begins

    explicit SpareTime(Instant now, std::chrono::nanoseconds busy = {}) noexcept
        : counted_{now}, window_begin_{now}, window_busy_{busy} {}

    // There is work again, after a time without: what the idle loop could have given is past, but for a little.
    void begin() noexcept;
    // `busy`: how long the loop has worked until `now`, for this work and all other, since a time that does not matter.
    void advance(Instant now, std::chrono::nanoseconds busy) noexcept;
    // One piece may be begun, be it longer than what is left. One that takes very long was interrupted: of its time a
    // millisecond counts at most, else a busy machine would leave none for minutes.
    [[nodiscard]] bool left() const noexcept { return left_.count() > 0; }
    void spend(std::chrono::nanoseconds time) noexcept;

private:
    void gain(std::chrono::nanoseconds time) noexcept;

    Instant counted_; // up to when the two-hundredth has been given
    Instant window_begin_;
    std::chrono::nanoseconds window_busy_; // at its beginning
    std::chrono::nanoseconds window_spent_{0};
    std::chrono::nanoseconds left_ = at_first;
};

} // namespace buzon::event
