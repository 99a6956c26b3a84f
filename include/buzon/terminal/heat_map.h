// terminal/heat_map.h - a histogram over time: a column for each period, a row for each bucket. The more of the
// period's samples are in the bucket, the darker the cell. Knows no terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "buzon/terminal/plot.h"

namespace buzon::client {

// The samples of one period: a count for each bucket, by its upper bound in microseconds. `unbounded`: samples above
// all bounds.
struct Spread {
    static constexpr double unbounded = 1e300;
    std::chrono::sys_seconds start;
    std::map<double, double> counts;
};

struct HeatMap {
    std::string metric;
    Period period = Period::minute;
    std::vector<double> bounds;   // of all buckets, ascending, used or not
    std::vector<Spread> spreads;  // ascending; the last one is the current, unfinished one
    std::chrono::sys_seconds now; // as in Chart
    Charset charset = Charset::utf8;
};
// Title, the buckets from the first used to the last, time axis (UTC) and legend, in at most `rows`: the lowest buckets
// share a row if need be. The column of the current period is hatched.
[[nodiscard]] std::string draw(const HeatMap& map, std::size_t rows, std::size_t columns);

} // namespace buzon::client
