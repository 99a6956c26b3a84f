// terminal/plot_area.h - the area of a plot: periods become bars of dots, bars become rows of characters.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "buzon/terminal/plot.h"

namespace buzon::client {

// A braille character is two dots wide, an ASCII character is one dot.
[[nodiscard]] constexpr std::size_t dots_a_column(Charset charset) noexcept {
    return charset == Charset::utf8 ? 2 : 1;
}

// The time shown by the columns of dots: where it starts, and how long each column is.
struct Span {
    std::chrono::sys_seconds from;
    double seconds_a_dot;

    [[nodiscard]] double second(std::size_t dot) const { return seconds_a_dot * static_cast<double>(dot); }
};

// One column of dots.
struct Bar {
    double value = 0;     // 0 if the server has no history
    bool running = false; // contains only part of the current period
};
[[nodiscard]] std::vector<Bar> bars_of(const Chart& chart, Span span, std::size_t dots);

// One row of characters out of `rows`, the topmost being 0, without blanks at its end.
[[nodiscard]] std::string area_row(std::span<const Bar> bars, double top, std::size_t row, std::size_t rows,
                                   Charset charset);

} // namespace buzon::client
