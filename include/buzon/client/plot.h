// client/plot.h - numbers over time as a picture made of characters, or as CSV. Pure: knows no terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/client/text.h"

namespace buzon::client {

// "2026-11-23T15:14:00Z", a fraction of a second allowed and dropped. Always UTC.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_time(std::string_view text);

enum class Period { minute, hour, day, week };
[[nodiscard]] std::optional<Period> parse_period(std::string_view word);
[[nodiscard]] std::string_view name_of(Period period) noexcept;

// What a metric counts, told by its name: "...bytes" and "memory" are octets, "...-time-..." and "...-lag-..."
// microseconds (but their "-count"s are not).
enum class Unit { number, octets, microseconds };
[[nodiscard]] Unit unit_of(std::string_view metric);
// "1.5k", "250us", "2.0s": at most six characters.
[[nodiscard]] std::string measured(double value, Unit unit);

struct Point {
    std::chrono::sys_seconds start; // of a period, whose value this is
    double value = 0;
};

struct Chart {
    std::string metric;
    Period period = Period::minute;
    std::vector<Point> points;    // ascending; periods may be missing; the last one is the period that still runs
    std::chrono::sys_seconds now; // where that one has got to; beyond either of its ends that end counts
    Charset charset = Charset::utf8;
};
// How many periods have a column of dots of their own on a screen that wide.
[[nodiscard]] std::size_t dots_across(std::size_t columns, Charset charset);
// The picture: title, value axis with unit, area of braille dots (or of # where there is only ASCII), time axis (UTC),
// sum of it in one line. The running period is hatched, and nothing is drawn beyond now. No row is wider than
// `columns`, and there are no more than `rows`; a screen too small for it gets the last line only.
[[nodiscard]] std::string draw(const Chart& chart, std::size_t rows, std::size_t columns);

// One row of block characters (of .:-=+*#@ in ASCII), the newest value at the right end; `top` is the full height, 0 =
// the largest value. Exactly `width` columns.
[[nodiscard]] std::string sparkline(std::span<const double> values, std::size_t width, Charset charset, double top = 0);

} // namespace buzon::client
