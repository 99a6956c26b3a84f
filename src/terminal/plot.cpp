#include "buzon/terminal/plot.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>

#include "buzon/line/command_line.h"
#include "buzon/line/number.h"
#include "buzon/terminal/text.h"
#include "buzon/terminal/units.h"
#include "plot_area.h"
#include "time_axis.h"

namespace buzon::client {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::array<std::string_view, 4> period_names = {"minute", "hour", "day", "week"};

// Digits only.
std::optional<int> whole(std::string_view text) {
    const auto n = line::parse_whole<unsigned>(text, 0, INT_MAX);
    return n ? std::optional{static_cast<int>(*n)} : std::nullopt;
}

// The value at full height: slightly above the largest value, so that a quarter of it is a round number, too.
double round_top(double largest, Unit unit) {
    if (unit == Unit::number && largest <= 4) return 4; // no "0.25 logins" on the axis
    if (largest <= 0) return 4;
    if (unit == Unit::octets) return std::max(4.0, std::exp2(std::ceil(std::log2(largest))));
    const double ten = std::pow(10, std::floor(std::log10(largest)));
    for (const double factor : {1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0}) {
        if (factor * ten >= largest) return factor * ten;
    }
    return 10 * ten;
}

std::string unit_text(Unit unit) {
    switch (unit) {
    case Unit::octets: return " (octets, k = 1024)";
    case Unit::microseconds:
    case Unit::seconds: return " (time)";
    default: return "";
    }
}

// An unfinished period cannot be compared with the others.
std::string summary(const Chart& chart, Unit unit) {
    std::string text =
        "current " + std::string{name_of(chart.period)} + ' ' + measured(chart.points.back().value, unit);
    const std::span<const Point> whole{chart.points.data(), chart.points.size() - 1};
    if (whole.empty()) return text;
    double least = whole.front().value, most = least, sum = 0;
    for (const Point& point : whole) {
        least = std::min(least, point.value);
        most = std::max(most, point.value);
        sum += point.value;
    }
    return text + "; before: last " + measured(whole.back().value, unit) + ", min " + measured(least, unit) + ", max " +
           measured(most, unit) + ", mean " + measured(sum / static_cast<double>(whole.size()), unit);
}

// The whole chart, on a screen that has room for it. `chart.now` is within the current period.
std::string picture(const Chart& chart, std::size_t height, std::size_t columns) {
    const Unit unit = unit_of(chart.metric);
    const std::size_t width = columns - margin;
    const seconds length = length_of(chart.period);
    const sys_seconds first = chart.points.front().start, end = chart.points.back().start + length;
    // If there are fewer periods than dots, each gets an equal share of the width, but at most a sixteenth of it; the
    // last one is at the right end.
    const seconds across = std::max(end - first, length * 16);
    const std::size_t dots = width * dots_a_column(chart.charset);
    const Span span{end - across, static_cast<double>(across.count()) / static_cast<double>(dots)};
    std::vector<Bar> bars = bars_of(chart, span, dots);
    double largest = 0;
    for (const Bar& bar : bars) largest = std::max(largest, bar.value);
    const double top = round_top(largest, unit);
    // Logarithmic: of 1 + value, since counts are often 0. The bars are drawn as if the axis were linear.
    if (chart.logarithmic)
        for (Bar& bar : bars) bar.value = top * std::log1p(bar.value) / std::log1p(top);

    const bool utf8 = chart.charset == Charset::utf8;
    std::string text = fitted_line(printable(chart.metric) + " by " + std::string{name_of(chart.period)} +
                                       unit_text(unit) + (chart.logarithmic ? ", logarithmic, " : ", ") +
                                       minute_text(first) + " to " + minute_text(chart.now) + " UTC",
                                   columns);
    for (std::size_t row = 0; row < height; ++row) {
        const bool labelled = row % (height / 4) == 0;
        const double part = static_cast<double>(height - row) / static_cast<double>(height);
        const double level = chart.logarithmic ? std::expm1(part * std::log1p(top)) : top * part;
        text += fitted_right(labelled ? measured(level, unit) : "", label_width);
        text += labelled ? (utf8 ? " \xE2\x94\xA4" : " +") : (utf8 ? " \xE2\x94\x82" : " |");
        text += area_row(bars, top, row, height, chart.charset) + '\n';
    }
    const double seconds_a_column = span.seconds_a_dot * static_cast<double>(dots_a_column(chart.charset));
    const TimeAxis axis{chart.period, span.from, seconds_a_column, chart.now, chart.charset};
    return text + rows_of(axis, width) + fitted_line(summary(chart, unit), columns);
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
        if (line::equals_ignoring_case(word, period_names[i])) return static_cast<Period>(i);
    }
    return std::nullopt;
}

std::string_view name_of(Period period) noexcept {
    return period_names[static_cast<std::size_t>(period)];
}

std::size_t dots_across(std::size_t columns, Charset charset) {
    const std::size_t a_column = dots_a_column(charset);
    return columns > margin ? (columns - margin) * a_column : a_column;
}

std::string draw(const Chart& chart, std::size_t rows, std::size_t columns) {
    if (chart.points.empty())
        return in_charset("no history of " + printable(chart.metric) + " by " + std::string{name_of(chart.period)} +
                              " yet\n",
                          chart.charset);
    constexpr std::size_t other_rows = 4; // title, axis, its texts, summary
    constexpr std::size_t highest = 16;
    if (rows < other_rows + 4 || columns < margin + 16)
        return fitted_line(summary(chart, unit_of(chart.metric)), columns);
    Chart drawn = chart;
    const sys_seconds running = chart.points.back().start;
    drawn.now = std::clamp(chart.now, running, running + length_of(chart.period)); // whatever our clock says
    return in_charset(picture(drawn, std::min(highest, (rows - other_rows) / 4 * 4), columns), chart.charset);
}

} // namespace buzon::client
