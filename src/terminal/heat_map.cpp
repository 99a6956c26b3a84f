#include "buzon/terminal/heat_map.h"

#include <algorithm>
#include <array>
#include <set>

#include "buzon/terminal/text.h"
#include "buzon/terminal/units.h"
#include "time_axis.h"

namespace buzon::client {
namespace {

constexpr std::size_t frame_rows = 4, most_columns_a_period = 4, fewest_periods = 16;

// The upper bounds of the rows, highest first. Each row reaches down to the bound of the next one.
std::vector<double> rows_in_use(const HeatMap& map, std::size_t most) {
    std::set<double> all{map.bounds.begin(), map.bounds.end()}, used;
    for (const Spread& spread : map.spreads)
        for (const auto& [bound, count] : spread.counts)
            if (count > 0) used.insert(bound);
    if (used.empty()) return {};
    all.insert(used.begin(), used.end());
    std::vector<double> rows{all.lower_bound(*used.begin()), all.upper_bound(*used.rbegin())};
    std::reverse(rows.begin(), rows.end());
    rows.resize(std::min(rows.size(), most));
    return rows;
}

double total_of(const Spread& spread) {
    double total = 0;
    for (const auto& [bound, count] : spread.counts) total += count;
    return total;
}

std::string_view shade(double share, bool running, Charset charset) {
    struct Step {
        double to;
        std::string_view utf8, ascii;
    };
    constexpr std::array<Step, 4> steps = {{{0.05, "\xE2\x96\x91", "."},
                                            {0.2, "\xE2\x96\x92", ":"},
                                            {0.5, "\xE2\x96\x93", "*"},
                                            {1, "\xE2\x96\x88", "#"}}};
    if (share <= 0) return " ";
    if (running) return "/";
    for (const Step& step : steps)
        if (share <= step.to || step.to == 1) return charset == Charset::utf8 ? step.utf8 : step.ascii;
    return " ";
}

// The cells of one row, beginning with the period that starts at `from`.
std::string cells(const HeatMap& map, double above, double bound, std::chrono::sys_seconds from, std::size_t periods,
                  std::size_t columns_a_period) {
    std::vector<std::string_view> marks(periods, " ");
    for (const Spread& spread : map.spreads) {
        if (spread.start < from) continue;
        const auto place = static_cast<std::size_t>((spread.start - from) / length_of(map.period));
        if (place >= periods) continue;
        double here = 0;
        for (const auto& [one, count] : spread.counts)
            if (one > above && one <= bound) here += count;
        marks[place] = shade(here / std::max(total_of(spread), 1.0), &spread == &map.spreads.back(), map.charset);
    }
    std::string text;
    for (const std::string_view mark : marks)
        for (std::size_t i = 0; i < columns_a_period; ++i) text += mark;
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

std::string legend(const HeatMap& map) {
    const bool utf8 = map.charset == Charset::utf8;
    const std::string period{name_of(map.period)};
    double samples = 0;
    for (const Spread& spread : map.spreads) samples += total_of(spread);
    return readable(fixed(samples, 0), Unit::number) + " samples; a " + period +
           (utf8 ? "'s share: \xE2\x96\x91 to 5% \xE2\x96\x92 to 20% \xE2\x96\x93 to 50% \xE2\x96\x88 more"
                 : "'s share: . to 5% : to 20% * to 50% # more") +
           "; / running";
}

} // namespace

std::string draw(const HeatMap& map, std::size_t rows, std::size_t columns) {
    const std::vector<double> bounds = rows_in_use(map, rows > frame_rows ? rows - frame_rows : 1);
    if (bounds.empty())
        return in_charset("no samples of " + printable(map.metric) + " by " + std::string{name_of(map.period)} +
                              " yet\n",
                          map.charset);
    if (rows < frame_rows + 1 || columns < margin + fewest_periods) return fitted_line(legend(map), columns);
    const std::size_t width = columns - margin;
    const std::size_t columns_a_period =
        std::clamp<std::size_t>(width / std::max(map.spreads.size(), fewest_periods), 1, most_columns_a_period);
    const std::size_t periods = width / columns_a_period;
    const auto length = length_of(map.period);
    const std::chrono::sys_seconds end = map.spreads.back().start + length,
                                   from = end - length * static_cast<std::int64_t>(periods);
    const auto now = std::clamp(map.now, end - length, end); // whatever our clock says
    const bool utf8 = map.charset == Charset::utf8;
    std::string text = fitted_line(printable(map.metric) + " by " + std::string{name_of(map.period)} +
                                       ", histogram, to " + minute_text(now) + " UTC",
                                   columns);
    for (std::size_t row = 0; row < bounds.size(); ++row) {
        const bool last = row + 1 == bounds.size();
        const std::string label = bounds[row] >= Spread::unbounded ? "more" : measured(bounds[row], Unit::microseconds);
        text += fitted_right(label, label_width) + (utf8 ? " \xE2\x94\xA4" : " +");
        text += cells(map, last ? -1 : bounds[row + 1], bounds[row], from, periods, columns_a_period) + '\n';
    }
    const double seconds_a_column = static_cast<double>(length.count()) / static_cast<double>(columns_a_period);
    text += rows_of(TimeAxis{map.period, from, seconds_a_column, now, map.charset}, periods * columns_a_period);
    return in_charset(text + fitted_line(legend(map), columns), map.charset);
}

} // namespace buzon::client
