// terminal/time_axis.h - the time axis below a chart, and times as text. Always UTC.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "buzon/terminal/plot.h"

namespace buzon::client {

inline constexpr std::size_t label_width = 6;          // of the value axis
inline constexpr std::size_t margin = label_width + 2; // and its line

[[nodiscard]] std::chrono::seconds length_of(Period period);

// "2026-11-23 15:14".
[[nodiscard]] std::string minute_text(std::chrono::sys_seconds when);

struct TimeAxis {
    Period period;
    std::chrono::sys_seconds from; // at the left end
    double seconds_a_column;
    std::chrono::sys_seconds now; // where the line ends
    Charset charset;
};
// A line with ticks, and labels under it.
[[nodiscard]] std::string rows_of(const TimeAxis& axis, std::size_t width);

} // namespace buzon::client
