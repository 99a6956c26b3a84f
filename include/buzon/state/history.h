// state/history.h - past values of the metrics: minutes for a day, hours for a month, days for two years, weeks
// for ten. Does not read the clock. No I/O: the caller passes the time with each sample, and reads and writes the file.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/state/metrics.h"

namespace buzon::state {

class ByteReader;

enum class Period : std::uint8_t { minute, hour, day, week };
inline constexpr std::array<std::string_view, 4> period_names = {"minute", "hour", "day", "week"};

// The sums of many periods. Periods begin at whole minutes, hours, days and Mondays in UTC. A period without a sample
// does not exist. If the clock is set back, the counts of periods that now lie in the future move to the current
// period, so sums stay true and the current period is always the last. A clock set forward leaves a gap.
class History {
public:
    using Time = std::chrono::sys_seconds;

    // How many periods of each length are kept; new ones replace the oldest, whatever the clock says.
    static constexpr std::array<std::size_t, 4> capacity = {1440, 744, 731, 522};
    static constexpr std::size_t max_file_octets = 16u << 20; // a longer file is invalid

    explicit History(std::vector<MetricSeries> series);

    // Takes the values of every series (counters since the start of the process; current gauges). Adds the growth of
    // the counters since the last call, and the gauges once, to the current periods. Call it at least once a minute.
    // `gauges_too`: otherwise gauges count only when a period begins, so that frequent queries do not distort the mean.
    void sample(Time now, std::span<const Count> values, bool gauges_too = true);

    struct Point {
        Time start;
        Count value = 0; // growth of a counter in the period, mean of a gauge's samples, or a percentile
    };
    // The last `count` periods of a series, oldest first; the current one is the last.
    [[nodiscard]] std::vector<Point> points(std::size_t series, Period period, std::size_t count) const;
    // The index of a series by name, for points().
    [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;

    struct Spread {
        Time start;
        std::vector<Count> buckets; // samples of the period, in Histogram::bounds.size() + 1 buckets
    };
    // The same for a histogram whose first bucket is series number `first`.
    [[nodiscard]] std::vector<Spread> spreads(std::size_t first, Period period, std::size_t count) const;
    // Finds that number by the histogram's name.
    [[nodiscard]] std::optional<std::size_t> find_buckets(std::string_view name) const;

    // The history as the content of a file: versioned, with a checksum.
    [[nodiscard]] std::string encode() const;
    // Loads the content of such a file. If it is refused, returns the reason and changes nothing. Call it before the
    // first sample. Series that no longer exist are dropped; new ones begin empty.
    [[nodiscard]] std::optional<std::string> decode(std::string_view file);

private:
    // Periods are numbered from 1970; the number times the period's length is its start.
    struct Row { // a finished period: its nonzero sums, as pairs of varints (series index delta, sum)
        std::int64_t number = 0;
        Count samples = 0;
        std::string cells;
    };
    struct Running {
        std::int64_t number = 0;
        Count samples = 0; // 0: no samples yet
        std::vector<Count> sums;
    };
    struct Level {
        std::deque<Row> past; // ascending numbers, all below the current one's
        Running now;
    };

    // Calls visit(start, sums, samples) for the last `count` periods, with the sums of `wanted` series from `first` on.
    template <class Visit>
    void each_period(Period period, std::size_t count, std::size_t first, std::size_t wanted, Visit visit) const;
    void move_to(Level& level, std::size_t kept, std::int64_t number) const;
    [[nodiscard]] bool has_sums(std::size_t series) const { return series_[series].percent == 0; }
    [[nodiscard]] Count value_of(std::size_t series, std::span<const Count> sums, Count samples) const;
    [[nodiscard]] std::optional<std::string>
    decode_level(ByteReader& in, std::size_t which, const std::vector<std::size_t>& our_index, Level& level) const;

    std::vector<MetricSeries> series_;
    std::vector<Count> last_; // counters at the last sample
    std::array<Level, 4> levels_;
};

} // namespace buzon::state
