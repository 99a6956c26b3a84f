#include "plot_area.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "time_axis.h"

namespace buzon::client {
namespace {

void append_utf8(std::string& text, char32_t code) { // three octets are enough for what is drawn here
    text += static_cast<char>(0xE0 | (code >> 12U));
    text += static_cast<char>(0x80 | ((code >> 6U) & 0x3FU));
    text += static_cast<char>(0x80 | (code & 0x3FU));
}

// In steps. Each of the `rows` rows is `a_row` steps high.
std::size_t height_of(const Bar& bar, double top, std::size_t rows, std::size_t a_row) {
    if (bar.value <= 0) return 0;
    const auto height = static_cast<std::size_t>(std::lround(bar.value / top * static_cast<double>(rows * a_row)));
    return std::max<std::size_t>(height, 1); // a small value must be visible
}

// Each character is two dots wide and four high (U+2800 and a bit per dot). The bar of the current period has every
// other dot, including the topmost.
std::string braille_row(std::span<const Bar> bars, double top, std::size_t row, std::size_t rows) {
    constexpr std::array<std::array<unsigned, 4>, 2> bits = {{{0x40, 0x04, 0x02, 0x01}, {0x80, 0x20, 0x10, 0x08}}};
    const std::size_t below = (rows - 1 - row) * 4; // dots under this row
    std::string text;
    for (std::size_t dot = 0; dot + 1 < bars.size(); dot += 2) {
        unsigned pattern = 0;
        for (std::size_t half = 0; half < 2; ++half) {
            const Bar& bar = bars[dot + half];
            const std::size_t height = height_of(bar, top, rows, 4);
            for (std::size_t i = 0; i < 4 && below + i < height; ++i)
                pattern |= bar.running && (height - below - i) % 2 == 0 ? 0 : bits[half][i];
        }
        if (pattern == 0)
            text += ' ';
        else
            append_utf8(text, 0x2800 + pattern);
    }
    return text;
}

std::string ascii_row(std::span<const Bar> bars, double top, std::size_t row, std::size_t rows) {
    constexpr std::string_view marks = " .:#";
    constexpr std::size_t a_row = marks.size() - 1;
    const std::size_t below = (rows - 1 - row) * a_row;
    std::string text;
    for (const Bar& bar : bars) {
        const std::size_t height = height_of(bar, top, rows, a_row);
        const std::size_t here = std::min(height > below ? height - below : 0, a_row);
        text += here > 0 && bar.running ? '/' : marks[here];
    }
    return text;
}

} // namespace

// A bar is the mean of the complete periods in it, weighted by the share of it that each one fills.
std::vector<Bar> bars_of(const Chart& chart, Span span, std::size_t dots) {
    std::vector<double> sum(dots, 0.0), filled(dots, 0.0);
    std::vector<Bar> bars(dots);
    const double length = std::chrono::duration<double>(length_of(chart.period)).count();
    const double now = std::chrono::duration<double>(chart.now - span.from).count();
    for (const Point& point : chart.points) {
        const bool running = &point == &chart.points.back();
        const double begin = std::chrono::duration<double>(point.start - span.from).count();
        const auto first = static_cast<std::size_t>(std::max(0.0, begin / span.seconds_a_dot));
        for (std::size_t dot = first; dot < dots && span.second(dot) < begin + length; ++dot) {
            const double part = std::min(span.second(dot + 1), begin + length) - std::max(span.second(dot), begin);
            if (part <= 1e-9) continue;
            if (running) {
                if (span.second(dot) <= now && filled[dot] <= 0) bars[dot] = {point.value, true};
                continue;
            }
            sum[dot] += point.value * part;
            filled[dot] += part;
        }
    }
    for (std::size_t dot = 0; dot < dots; ++dot)
        if (filled[dot] > 0) bars[dot] = {sum[dot] / filled[dot], false};
    return bars;
}

std::string area_row(std::span<const Bar> bars, double top, std::size_t row, std::size_t rows, Charset charset) {
    std::string text = charset == Charset::utf8 ? braille_row(bars, top, row, rows) : ascii_row(bars, top, row, rows);
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

std::string sparkline(std::span<const double> values, std::size_t width, Charset charset, double top) {
    constexpr std::string_view marks = ".:-=+*#@";
    if (values.size() > width) values = values.subspan(values.size() - width);
    for (const double value : values) top = std::max(top, value);
    std::string text(width - values.size(), ' ');
    for (const double value : values) {
        if (value <= 0 || top <= 0) {
            text += ' ';
            continue;
        }
        const auto eighths = static_cast<unsigned>(std::clamp(std::lround(value / top * 8), 1L, 8L));
        if (charset == Charset::utf8)
            append_utf8(text, 0x2580 + eighths); // U+2581 .. U+2588
        else
            text += marks[eighths - 1];
    }
    return text;
}

} // namespace buzon::client
