// top/trend.h - the recent values of a counter or gauge, in buckets of a few seconds. Has no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace buzon::client {

class Trend {
public:
    static constexpr double bucket_seconds = 3;

    // Adds a counter's value; its growth per second is kept. A counter that decreases has restarted.
    void add_counter(double now, double value);
    void add_gauge(double now, double value);
    // Adds what is known about the past: a value that held for `seconds` from `begin` on. Call it before the others.
    // Values for the same time add up.
    void fill(double begin, double seconds, double value);

    // Growth per second between the last two values; for a gauge the value itself.
    [[nodiscard]] double current() const noexcept { return current_; }
    // Oldest first, one per bucket, at most `count`.
    [[nodiscard]] std::vector<double> last(std::size_t count) const;

private:
    void put(double now, double value);

    struct Bucket {
        std::int64_t number;
        double sum;
        std::size_t values;
    };
    std::deque<Bucket> buckets_;
    std::optional<double> seen_, seen_at_;
    double current_ = 0;
};

} // namespace buzon::client
