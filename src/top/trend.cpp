#include "trend.h"

#include <algorithm>
#include <cmath>

namespace buzon::client {
namespace {

constexpr std::size_t max_buckets = 400; // twenty minutes; wider than any screen

} // namespace

void Trend::add_counter(double now, double value) {
    const bool growth = seen_ && value >= *seen_ && now > *seen_at_;
    if (growth) put(now, (value - *seen_) / (now - *seen_at_));
    seen_ = value;
    seen_at_ = now;
}

void Trend::add_gauge(double now, double value) {
    put(now, value);
}

void Trend::fill(double begin, double seconds, double value) {
    const auto first = static_cast<std::int64_t>(std::ceil(begin / bucket_seconds));
    const auto end = static_cast<std::int64_t>(std::ceil((begin + seconds) / bucket_seconds));
    for (std::int64_t number = first; number < end && number - first < 100; ++number) {
        const auto at =
            std::find_if(buckets_.begin(), buckets_.end(), [number](const Bucket& b) { return b.number >= number; });
        if (at != buckets_.end() && at->number == number)
            at->sum += value * static_cast<double>(at->values);
        else
            buckets_.insert(at, {number, value, 1});
    }
    while (buckets_.size() > max_buckets) buckets_.pop_front();
}

void Trend::put(double now, double value) {
    current_ = value;
    const auto number = static_cast<std::int64_t>(std::floor(now / bucket_seconds));
    // Fill the time without a poll (a stopped client, a slow server) with the new value, so that there is no gap and no
    // spike.
    while (!buckets_.empty() && buckets_.back().number + 1 < number && number - buckets_.back().number < 1000) {
        buckets_.push_back({buckets_.back().number + 1, value, 1});
    }
    if (buckets_.empty() || buckets_.back().number != number) buckets_.push_back({number, 0, 0});
    buckets_.back().sum += value;
    ++buckets_.back().values;
    while (buckets_.size() > max_buckets) buckets_.pop_front();
}

std::vector<double> Trend::last(std::size_t count) const {
    std::vector<double> values;
    const std::size_t skip = buckets_.size() > count ? buckets_.size() - count : 0;
    for (std::size_t i = skip; i < buckets_.size(); ++i) {
        values.push_back(buckets_[i].sum / static_cast<double>(buckets_[i].values));
    }
    return values;
}

} // namespace buzon::client
