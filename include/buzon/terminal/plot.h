// terminal/plot.h - draws numbers over time as a chart of characters, or as CSV. Knows no terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/terminal/text.h"

namespace buzon::client {

// "2026-11-23T15:14:00Z", a fraction of a second is allowed and ignored. Always UTC.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_time(std::string_view text);

enum class Period { minute, hour, day, week };
[[nodiscard]] std::optional<Period> parse_period(std::string_view word);
[[nodiscard]] std::string_view name_of(Period period) noexcept;

struct Point {
    std::chrono::sys_seconds start; // of the period
    double value = 0;
};

struct Chart {
    std::string metric;
    Period period = Period::minute;
    std::vector<Point> points;    // ascending; periods may be missing; the last one is the current, unfinished one
    std::chrono::sys_seconds now; // within the last period; otherwise its nearer end is used
    Charset charset = Charset::utf8;
    bool logarithmic = false; // the value axis
};
// How many periods get their own column of dots on a screen of this width.
[[nodiscard]] std::size_t dots_across(std::size_t columns, Charset charset);
// The chart: title, value axis with unit, area of braille dots (# in ASCII), time axis (UTC), and a summary line. The
// current period is hatched, and nothing is drawn beyond now. It has at most `rows` rows of at most `columns`; a screen
// that is too small gets only the last line.
[[nodiscard]] std::string draw(const Chart& chart, std::size_t rows, std::size_t columns);

// One row of block characters (.:-=+*#@ in ASCII), the newest value at the right end; `top` is the value of full
// height, 0 = the largest one. Exactly `width` columns.
[[nodiscard]] std::string sparkline(std::span<const double> values, std::size_t width, Charset charset, double top = 0);

} // namespace buzon::client
