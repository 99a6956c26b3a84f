#include "buzon/event/spare_time.h"

#include <algorithm>

namespace buzon::event {

void SpareTime::advance(Instant now, std::chrono::nanoseconds busy) noexcept {
    gain((now - counted_) / 200);
    counted_ = now;
    const std::chrono::nanoseconds passed = now - window_begin_;
    if (passed < window) return;
    const std::chrono::nanoseconds worked = busy - window_busy_;
    // Others may only have done so little because of us: then nobody waited for work.
    gain(std::min(passed * 3 / 4 - (worked - window_spent_), 3 * (passed - worked)));
    window_begin_ = now;
    window_busy_ = busy;
    window_spent_ = {};
}

void SpareTime::begin() noexcept {
    left_ = std::min<std::chrono::nanoseconds>(left_, at_first);
}

void SpareTime::spend(std::chrono::nanoseconds time) noexcept {
    constexpr std::chrono::milliseconds most_debt{1};
    left_ = std::max<std::chrono::nanoseconds>(left_ - time, -most_debt);
    window_spent_ += time;
}

void SpareTime::gain(std::chrono::nanoseconds time) noexcept {
    if (time.count() <= 0) return;
    left_ = std::max(left_, std::min<std::chrono::nanoseconds>(left_ + time, most));
}

} // namespace buzon::event
