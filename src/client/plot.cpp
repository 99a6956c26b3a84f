#include "plot.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>

#include "buzon/line/command_line.h"
#include "buzon/line/number.h"
#include "plot_area.h"
#include "text.h"

namespace buzon::client {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::array<std::string_view, 4> period_names = {"minute", "hour", "day", "week"};
constexpr std::size_t label_width = 6;          // of the value axis
constexpr std::size_t margin = label_width + 2; // and its line

// Digits only.
std::optional<int> whole(std::string_view text) {
    const auto n = line::parse_whole<unsigned>(text, 0, INT_MAX);
    return n ? std::optional{static_cast<int>(*n)} : std::nullopt;
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

// The text under a mark of the time axis: only what changes between marks.
std::string mark_text(sys_seconds when, Period period, seconds step) {
    if (period == Period::week) return date_text(when);
    if (period == Period::minute && step < 86400s) return clock_text(when);
    if (period == Period::hour && step < 86400s)
        return date_text(when).substr(5) + ' ' + clock_text(when).substr(0, 2) + 'h';
    return date_text(when).substr(5);
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

// Seconds between marks: the smallest round step with room for the texts.
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

// The time axis: a line with ticks, up to now, and the texts under it.
std::string time_axis(const Chart& chart, Span span, std::size_t width) {
    const bool utf8 = chart.charset == Charset::utf8;
    const double column_seconds = span.seconds_a_dot * static_cast<double>(dots_a_column(chart.charset));
    const auto column_of = [&](sys_seconds when) {
        return static_cast<std::size_t>(std::chrono::duration<double>(when - span.from).count() / column_seconds);
    };
    const std::size_t end = std::min(width, column_of(chart.now) + 1);
    const seconds step = mark_step(chart.period, column_seconds);
    // Weeks begin on Mondays; 1970 began on a Thursday.
    const seconds shift = chart.period == Period::week ? seconds{4 * 86400} : 0s;
    const seconds since = span.from.time_since_epoch() - shift;
    std::vector<std::size_t> ticks;
    std::string texts(margin, ' ');
    for (sys_seconds mark{shift + (since + step - 1s) / step * step}; mark <= chart.now; mark += step) {
        const std::size_t column = column_of(mark);
        const std::string text = mark_text(mark, chart.period, step);
        if (column >= end || column + text.size() > width) continue;
        ticks.push_back(column);
        texts.resize(std::max(texts.size(), margin + column), ' ');
        texts += text;
    }
    std::string line(label_width, ' ');
    line += utf8 ? " \xE2\x94\x94" : " +"; // corner
    for (std::size_t column = 0; column < end; ++column) {
        const bool tick = std::find(ticks.begin(), ticks.end(), column) != ticks.end();
        line += tick ? (utf8 ? "\xE2\x94\xB4" : "+") : (utf8 ? "\xE2\x94\x80" : "-");
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

std::string shortened_line(std::string_view text, std::size_t columns) {
    std::string line = fitted(text, columns);
    line.erase(line.find_last_not_of(' ') + 1);
    return line + '\n';
}

// The whole chart, on a screen that has room for it. `chart.now` is within the current period.
std::string picture(const Chart& chart, std::size_t height, std::size_t columns) {
    const Unit unit = unit_of(chart.metric);
    const std::size_t width = columns - margin;
    const seconds length = length_of(chart.period);
    const sys_seconds first = chart.points.front().start, end = chart.points.back().start + length;
    // Fewer periods than dots: each gets an equal share of the width, but at most a sixteenth of it, the last one at
    // the right end.
    const seconds across = std::max(end - first, length * 16);
    const std::size_t dots = width * dots_a_column(chart.charset);
    const Span span{end - across, static_cast<double>(across.count()) / static_cast<double>(dots)};
    const std::vector<Bar> bars = bars_of(chart, span, dots);
    double largest = 0;
    for (const Bar& bar : bars) largest = std::max(largest, bar.value);
    const double top = round_top(largest, unit);

    const bool utf8 = chart.charset == Charset::utf8;
    std::string text = shortened_line(printable(chart.metric) + " by " + std::string{name_of(chart.period)} +
                                          unit_text(unit) + ", " + date_text(first) + ' ' + clock_text(first) + " to " +
                                          date_text(chart.now) + ' ' + clock_text(chart.now) + " UTC",
                                      columns);
    for (std::size_t row = 0; row < height; ++row) {
        const bool labelled = row % (height / 4) == 0;
        const double level = top * static_cast<double>(height - row) / static_cast<double>(height);
        text += fitted_right(labelled ? measured(level, unit) : "", label_width);
        text += labelled ? (utf8 ? " \xE2\x94\xA4" : " +") : (utf8 ? " \xE2\x94\x82" : " |");
        text += area_row(bars, top, row, height, chart.charset) + '\n';
    }
    return text + time_axis(chart, span, width) + shortened_line(summary(chart, unit), columns);
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
        return shortened_line(summary(chart, unit_of(chart.metric)), columns);
    Chart drawn = chart;
    const sys_seconds running = chart.points.back().start;
    drawn.now = std::clamp(chart.now, running, running + length_of(chart.period)); // whatever our clock says
    return in_charset(picture(drawn, std::min(highest, (rows - other_rows) / 4 * 4), columns), chart.charset);
}

} // namespace buzon::client
