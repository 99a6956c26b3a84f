#include "buzon/client/plot.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "buzon/client/text.h"

namespace buzon::client {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::array<std::string_view, 4> period_names = {"minute", "hour", "day", "week"};
constexpr std::size_t label_width = 6;          // of the value axis
constexpr std::size_t margin = label_width + 2; // and its line

seconds length_of(Period period) {
    constexpr std::array<seconds, 4> lengths = {60s, 3600s, 86400s, 7 * 86400s};
    return lengths[static_cast<std::size_t>(period)];
}

// Digits only, all of them.
std::optional<int> whole(std::string_view text) {
    int value = 0;
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} ? std::optional{value} : std::nullopt;
}

std::string two(long long number) {
    return (number < 10 ? "0" : "") + std::to_string(number);
}

struct Moment {
    std::chrono::year_month_day date;
    std::chrono::hh_mm_ss<seconds> time;
};

Moment moment(sys_seconds when) {
    const auto day = std::chrono::floor<std::chrono::days>(when);
    return {std::chrono::year_month_day{day}, std::chrono::hh_mm_ss<seconds>{when - day}};
}

std::string date_text(sys_seconds when) {
    const auto date = moment(when).date;
    return std::to_string(int{date.year()}) + '-' + two(unsigned{date.month()}) + '-' + two(unsigned{date.day()});
}

std::string clock_text(sys_seconds when) {
    const auto time = moment(when).time;
    return two(time.hours().count()) + ':' + two(time.minutes().count());
}

// Under the time axis: just what changes from mark to mark.
std::string mark_text(sys_seconds when, Period period, seconds step) {
    if (period == Period::week) return date_text(when);
    if (period == Period::minute && step < 86400s) return clock_text(when);
    if (period == Period::hour && step < 86400s)
        return date_text(when).substr(5) + ' ' + clock_text(when).substr(0, 2) + 'h';
    return date_text(when).substr(5);
}

// The height of the picture: a little above the largest value, such that a quarter of it is a round number too.
double round_top(double largest, Unit unit) {
    if (unit == Unit::number && largest <= 4) return 4; // whole things: no "0.25 log-ins" on the axis
    if (largest <= 0) return 4;
    if (unit == Unit::octets) return std::max(4.0, std::exp2(std::ceil(std::log2(largest))));
    const double ten = std::pow(10, std::floor(std::log10(largest)));
    for (const double factor : {1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0}) {
        if (factor * ten >= largest) return factor * ten;
    }
    return 10 * ten;
}

struct Span {
    sys_seconds from;
    double seconds_a_dot;

    [[nodiscard]] double second(std::size_t dot) const { return seconds_a_dot * static_cast<double>(dot); }
};

// The value of every column of dots: the mean of the periods that lie in it, by how much of it they fill. Nothing where
// the server has no history.
std::vector<std::optional<double>> dot_values(const Chart& chart, Span span, std::size_t dots) {
    std::vector<double> sum(dots, 0.0), filled(dots, 0.0);
    const double length = std::chrono::duration<double>(length_of(chart.period)).count();
    for (const Point& point : chart.points) {
        const double begin = std::chrono::duration<double>(point.start - span.from).count();
        const auto first = static_cast<std::size_t>(std::max(0.0, begin / span.seconds_a_dot));
        for (std::size_t dot = first; dot < dots && span.second(dot) < begin + length; ++dot) {
            const double part = std::min(span.second(dot + 1), begin + length) - std::max(span.second(dot), begin);
            if (part <= 1e-9) continue;
            sum[dot] += point.value * part;
            filled[dot] += part;
        }
    }
    std::vector<std::optional<double>> values(dots);
    for (std::size_t dot = 0; dot < dots; ++dot) {
        if (filled[dot] > 0) values[dot] = sum[dot] / filled[dot];
    }
    return values;
}

void append_utf8(std::string& text, char32_t code) { // three octets are enough for what is drawn here
    text += static_cast<char>(0xE0 | (code >> 12U));
    text += static_cast<char>(0x80 | ((code >> 6U) & 0x3FU));
    text += static_cast<char>(0x80 | (code & 0x3FU));
}

// One row of braille characters out of `rows`, the topmost being 0. Each character is two dots wide and four high
// (U+2800 and a bit for each dot).
std::string braille_row(const std::vector<std::optional<double>>& values, double top, std::size_t row,
                        std::size_t rows) {
    constexpr std::array<std::array<unsigned, 4>, 2> bits = {{{0x40, 0x04, 0x02, 0x01}, {0x80, 0x20, 0x10, 0x08}}};
    const std::size_t below = (rows - 1 - row) * 4; // dots under this row
    std::string text;
    for (std::size_t dot = 0; dot + 1 < values.size(); dot += 2) {
        unsigned pattern = 0;
        for (std::size_t half = 0; half < 2; ++half) {
            const double value = values[dot + half].value_or(0);
            auto height =
                static_cast<std::size_t>(std::lround(std::max(0.0, value) / top * static_cast<double>(rows * 4)));
            if (value > 0) height = std::max<std::size_t>(height, 1); // a little is not nothing
            for (std::size_t i = 0; i < 4; ++i) pattern |= below + i < height ? bits[half][i] : 0;
        }
        if (pattern == 0) {
            text += ' ';
        } else {
            append_utf8(text, 0x2800 + pattern);
        }
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

// Seconds between marks: the smallest round step whose marks have room for their texts.
seconds mark_step(Period period, double seconds_a_column) {
    static constexpr std::array<std::array<int, 10>, 4> steps = {{{1, 2, 5, 10, 15, 30, 60, 180, 360, 1440},
                                                                  {1, 2, 3, 6, 12, 24, 48, 96, 168, 336},
                                                                  {1, 2, 4, 7, 14, 28, 56, 91, 182, 364},
                                                                  {1, 2, 4, 8, 13, 26, 52, 104, 208, 416}}};
    constexpr std::array<double, 4> room = {8, 12, 8, 13};
    for (const int step : steps[static_cast<std::size_t>(period)]) {
        const seconds length = length_of(period) * step;
        if (static_cast<double>(length.count()) / seconds_a_column >= room[static_cast<std::size_t>(period)])
            return length;
    }
    return length_of(period) * 100'000;
}

// The time axis: its line with ticks, and the texts under it.
std::string time_axis(Period period, Span span, std::size_t width) {
    const double column_seconds = span.seconds_a_dot * 2;
    const seconds step = mark_step(period, column_seconds);
    // Weeks begin on Mondays; 1970 began on a Thursday.
    const seconds shift = period == Period::week ? seconds{4 * 86400} : 0s;
    const seconds since = span.from.time_since_epoch() - shift;
    sys_seconds mark{shift + (since + step - 1s) / step * step};
    std::vector<std::size_t> ticks;
    std::string texts(margin, ' ');
    for (;; mark += step) {
        const double from_start = std::chrono::duration<double>(mark - span.from).count();
        const auto column = static_cast<std::size_t>(from_start / column_seconds);
        if (column >= width) break;
        const std::string text = mark_text(mark, period, step);
        if (column + text.size() > width) continue;
        ticks.push_back(column);
        texts.resize(std::max(texts.size(), margin + column), ' ');
        texts += text;
    }
    std::string line(label_width, ' ');
    line += " \xE2\x94\x94"; // corner
    for (std::size_t column = 0; column < width; ++column) {
        const bool tick = std::find(ticks.begin(), ticks.end(), column) != ticks.end();
        line += tick ? "\xE2\x94\xB4" : "\xE2\x94\x80";
    }
    texts.erase(texts.find_last_not_of(' ') + 1);
    return line + '\n' + texts + '\n';
}

std::string unit_text(Unit unit) {
    switch (unit) {
    case Unit::number: return "";
    case Unit::octets: return " (octets, k = 1024)";
    case Unit::microseconds: return " (time)";
    }
    return "";
}

std::string summary(const Chart& chart, Unit unit) {
    double least = chart.points.front().value, most = least, sum = 0;
    for (const Point& point : chart.points) {
        least = std::min(least, point.value);
        most = std::max(most, point.value);
        sum += point.value;
    }
    const double mean = sum / static_cast<double>(chart.points.size());
    return "last " + measured(chart.points.back().value, unit) + ", least " + measured(least, unit) + ", most " +
           measured(most, unit) + ", mean " + measured(mean, unit);
}

} // namespace

std::optional<sys_seconds> parse_time(std::string_view text) {
    const bool form = text.size() >= 20 && text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' &&
                      text[16] == ':' && text.back() == 'Z' && (text.size() == 20 || text[19] == '.');
    if (!form || (text.size() > 20 && !whole(text.substr(20, std::min<std::size_t>(9, text.size() - 21)))))
        return std::nullopt;
    const auto year = whole(text.substr(0, 4)), month = whole(text.substr(5, 2)), day = whole(text.substr(8, 2));
    const auto hour = whole(text.substr(11, 2)), minute = whole(text.substr(14, 2)), second = whole(text.substr(17, 2));
    if (!year || !month || !day || !hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60)
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days{date} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} + seconds{*second};
}

std::optional<Period> parse_period(std::string_view word) {
    for (std::size_t i = 0; i < period_names.size(); ++i) {
        if (same_word(word, period_names[i])) return static_cast<Period>(i);
    }
    return std::nullopt;
}

std::string_view name_of(Period period) noexcept {
    return period_names[static_cast<std::size_t>(period)];
}

Unit unit_of(std::string_view metric) {
    const auto holds = [metric](std::string_view part) { return metric.find(part) != std::string_view::npos; };
    const auto ends = [metric](std::string_view end) {
        return metric.size() >= end.size() && metric.substr(metric.size() - end.size()) == end;
    };
    if (holds("bytes") || holds("octets") || metric == "memory") return Unit::octets;
    if ((holds("-time-") || holds("-lag-")) && !ends("-count")) return Unit::microseconds;
    return Unit::number;
}

std::string measured(double value, Unit unit) {
    if (unit == Unit::octets) return shortened(value, 1024);
    if (unit == Unit::number) return shortened(value);
    if (value < 1000) return fixed(value, 0) + "us";
    if (value < 999'500) return fixed(value / 1000, value < 9950 ? 1 : 0) + "ms";
    return shortened(value / 1e6) + 's';
}

std::size_t dots_across(std::size_t columns) {
    return columns > margin ? (columns - margin) * 2 : 2;
}

std::string draw(const Chart& chart, std::size_t rows, std::size_t columns) {
    const Unit unit = unit_of(chart.metric);
    if (chart.points.empty())
        return "no history of " + printable(chart.metric) + " by the " + std::string{name_of(chart.period)} + " yet\n";
    constexpr std::size_t other_rows = 4; // title, axis, its texts, summary
    constexpr std::size_t highest = 16;
    if (rows < other_rows + 4 || columns < margin + 16) return fitted(summary(chart, unit), columns) + '\n';
    const std::size_t height = std::min(highest, (rows - other_rows) / 4 * 4);
    const std::size_t width = columns - margin, dots = width * 2;

    const sys_seconds from = chart.points.front().start, to = chart.points.back().start + length_of(chart.period);
    // Fewer periods than dots: each gets its share of the width, yet no wider than a sixteenth of it.
    const double whole_span = std::max(std::chrono::duration<double>(to - from).count(),
                                       std::chrono::duration<double>(length_of(chart.period) * 16).count());
    const Span span{from, whole_span / static_cast<double>(dots)};
    const auto values = dot_values(chart, span, dots);
    double largest = 0;
    for (const auto& value : values) largest = std::max(largest, value.value_or(0));
    const double top = round_top(largest, unit);

    const std::string title = printable(chart.metric) + " by the " + std::string{name_of(chart.period)} +
                              unit_text(unit) + ", " + date_text(from) + ' ' + clock_text(from) + " to " +
                              date_text(to) + ' ' + clock_text(to) + " UTC";
    std::string text = fitted(title, columns);
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
    for (std::size_t row = 0; row < height; ++row) {
        const bool labelled = row % (height / 4) == 0;
        const double level = top * static_cast<double>(height - row) / static_cast<double>(height);
        text += fitted_right(labelled ? measured(level, unit) : "", label_width);
        text += labelled ? " \xE2\x94\xA4" : " \xE2\x94\x82";
        text += braille_row(values, top, row, height) + '\n';
    }
    std::string last = fitted(summary(chart, unit), columns);
    last.erase(last.find_last_not_of(' ') + 1);
    return text + time_axis(chart.period, span, width) + last + '\n';
}

std::string sparkline(std::span<const double> values, std::size_t width, double top) {
    if (values.size() > width) values = values.subspan(values.size() - width);
    for (const double value : values) top = std::max(top, value);
    std::string text(width - values.size(), ' ');
    for (const double value : values) {
        if (value <= 0 || top <= 0) {
            text += ' ';
            continue;
        }
        const auto eighths = static_cast<unsigned>(std::clamp(std::lround(value / top * 8), 1L, 8L));
        append_utf8(text, 0x2580 + eighths); // U+2581 .. U+2588
    }
    return text;
}

} // namespace buzon::client
