#include "time_axis.h"

#include <algorithm>
#include <array>
#include <vector>

#include "buzon/terminal/units.h"

namespace buzon::client {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using std::chrono::sys_seconds;

// The label of a mark: only the part that changes between marks.
std::string mark_text(sys_seconds when, Period period, seconds step) {
    const std::string text = minute_text(when);
    if (period == Period::week) return text.substr(0, 10);
    if (period == Period::minute && step < 86400s) return text.substr(11);
    if (period == Period::hour && step < 86400s) return text.substr(5, 5) + ' ' + text.substr(11, 2) + 'h';
    return text.substr(5, 5);
}

// Seconds between marks: the smallest round step with room for the labels.
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

} // namespace

seconds length_of(Period period) {
    constexpr std::array<seconds, 4> lengths = {60s, 3600s, 86400s, 7 * 86400s};
    return lengths[static_cast<std::size_t>(period)];
}

std::string minute_text(sys_seconds when) {
    return moment_text(when.time_since_epoch().count()).substr(0, 16);
}

std::string rows_of(const TimeAxis& axis, std::size_t width) {
    const bool utf8 = axis.charset == Charset::utf8;
    const auto column_of = [&](sys_seconds when) {
        return static_cast<std::size_t>(std::chrono::duration<double>(when - axis.from).count() /
                                        axis.seconds_a_column);
    };
    const std::size_t end = std::min(width, column_of(axis.now) + 1);
    const seconds step = mark_step(axis.period, axis.seconds_a_column);
    // Weeks begin on Mondays; 1970 began on a Thursday.
    const seconds shift = axis.period == Period::week ? seconds{4 * 86400} : 0s;
    const seconds since = axis.from.time_since_epoch() - shift;
    std::vector<std::size_t> ticks;
    std::string texts(margin, ' ');
    for (sys_seconds mark{shift + (since + step - 1s) / step * step}; mark <= axis.now; mark += step) {
        const std::size_t column = column_of(mark);
        const std::string text = mark_text(mark, axis.period, step);
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

} // namespace buzon::client
