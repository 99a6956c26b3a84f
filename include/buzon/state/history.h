// state/history.h - what the metrics were: minutes for a day, hours for a month, days for two years, weeks for ten.
// Knows no clock and no files: time comes in with each sample, the file's octets go in and out.
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

// The sums of many periods. Periods begin at whole minutes, hours, days and Mondays of UTC. A period without a sample
// does not exist. A clock set back moves what was counted in the new future into the running period: sums stay true,
// and the running period is always the last one. A clock set forward leaves a gap.
class History {
public:
    using Time = std::chrono::sys_seconds;

    // How many periods of each length are kept; older ones fall out when new ones come, whatever the clock says.
    static constexpr std::array<std::size_t, 4> capacity = {1440, 744, 731, 522};
    static constexpr std::size_t max_file_octets = 16u << 20; // a longer file is not ours

    explicit History(std::vector<MetricSeries> series);

    // Takes the values of every series (counters since the start of the process; gauges as they are) and adds to the
    // running periods what the counters grew since the last call, and the gauges once. Once a minute or more often.
    // `gauges_too`: else gauges count only where a period begins, so that who looks often gives no moment more weight.
    void sample(Time now, std::span<const Count> values, bool gauges_too = true);

    struct Point {
        Time start;
        Count value = 0; // a counter's growth in the period; a gauge's mean over its samples; a percentile of its spans
    };
    // The last `count` periods of a series, oldest first; the running one is the last.
    [[nodiscard]] std::vector<Point> points(std::size_t series, Period period, std::size_t count) const;
    // The index of a name, for points().
    [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;

    // The whole history as a file's content: versioned, with a checksum.
    [[nodiscard]] std::string encode() const;
    // Takes the content of such a file as the past. Gives the reason when it is refused; then nothing has changed.
    // Call it before the first sample. Series that no longer exist are dropped, new ones begin with nothing.
    [[nodiscard]] std::optional<std::string> decode(std::string_view file);

private:
    // Periods are numbered from 1970; a number times the period's length is its beginning.
    struct Row { // a finished period: what was not zero, as pairs of varints (series index delta, sum)
        std::int64_t number = 0;
        Count samples = 0;
        std::string cells;
    };
    struct Running {
        std::int64_t number = 0;
        Count samples = 0; // 0: there is none yet
        std::vector<Count> sums;
    };
    struct Level {
        std::deque<Row> past; // numbers ascend, all below the running one's
        Running now;
    };

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
