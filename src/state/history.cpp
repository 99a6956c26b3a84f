// state/history.cpp - fills, closes and packs periods.
#include "buzon/state/history.h"

#include <algorithm>
#include <utility>

#include "checked_bytes.h"

namespace buzon::state {
namespace {

constexpr std::string_view magic = "buzon-history 1\n";
constexpr std::size_t max_series = 4096, max_name = 128;
constexpr std::size_t not_ours = SIZE_MAX;
constexpr std::size_t bucket_count = Histogram::bounds.size() + 1;
constexpr std::int64_t last_second =
    253'402'300'799; // of the year 9999, the last that ISO 8601 writes with four digits

// Weeks begin on Mondays, and 1 January 1970 was a Thursday.
constexpr std::array<std::int64_t, 4> period_seconds = {60, 3600, 86'400, 604'800};
constexpr std::array<std::int64_t, 4> period_shift = {0, 0, 0, 3 * 86'400};

std::int64_t number_at(std::size_t level, History::Time when) {
    const auto seconds = std::clamp<std::int64_t>(when.time_since_epoch().count(), 0, last_second);
    return (seconds + period_shift[level]) / period_seconds[level];
}

History::Time start_of(std::size_t level, std::int64_t number) {
    return History::Time{std::chrono::seconds{number * period_seconds[level] - period_shift[level]}};
}

std::string pack(const std::vector<Count>& sums) {
    std::string cells;
    std::size_t next = 0;
    for (std::size_t i = 0; i < sums.size(); ++i) {
        if (sums[i] == 0) continue;
        put_number(i - next, cells);
        put_number(sums[i], cells);
        next = i + 1;
    }
    return cells;
}

// Calls visit(index, sum) for every pair; false if the octets are not such pairs or an index reaches `series`.
template <class Visit>
bool unpack(std::string_view cells, std::size_t series, Visit visit) {
    ByteReader in{cells};
    std::size_t index = 0;
    while (!in.at_end()) {
        const auto skip = in.number(series);
        const auto sum = in.number();
        if (!skip || !sum || index + *skip >= series) return false;
        index += *skip;
        visit(index++, *sum);
    }
    return true;
}

Count add_capped(Count a, Count b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

} // namespace

History::History(std::vector<MetricSeries> series) : series_{std::move(series)}, last_(series_.size(), 0) {
    for (Level& level : levels_) level.now.sums.assign(series_.size(), 0);
}

void History::sample(Time now, std::span<const Count> values, bool gauges_too) {
    std::vector<Count> growth(series_.size(), 0);
    for (std::size_t i = 0; i < std::min(values.size(), series_.size()); ++i) {
        const Count before = std::exchange(last_[i], values[i]);
        if (has_sums(i)) growth[i] = series_[i].gauge ? values[i] : values[i] - std::min(before, values[i]);
    }
    for (std::size_t i = 0; i < levels_.size(); ++i) {
        move_to(levels_[i], capacity[i], number_at(i, now));
        Running& running = levels_[i].now;
        const bool gauges = gauges_too || running.samples == 0;
        if (gauges) ++running.samples;
        for (std::size_t j = 0; j < growth.size(); ++j)
            if (gauges || !series_[j].gauge) running.sums[j] = add_capped(running.sums[j], growth[j]);
    }
}

// Makes `number` the current period.
void History::move_to(Level& level, std::size_t kept, std::int64_t number) const {
    Running& running = level.now;
    if (running.samples == 0) running.number = number;
    if (running.number < number) {
        Running next{number, 0, std::vector<Count>(series_.size(), 0)}; // first: it may throw
        level.past.push_back({running.number, running.samples, pack(running.sums)});
        if (level.past.size() >= kept) level.past.pop_front(); // the current one counts, too
        running = std::move(next);
    }
    // If the clock was set back, add the periods that now lie in the future to the current one.
    running.number = number;
    while (!level.past.empty() && level.past.back().number >= number) {
        const Row& row = level.past.back();
        running.samples = add_capped(running.samples, row.samples);
        (void)unpack(row.cells, series_.size(), // our own octets, or checked by decode()
                     [&](std::size_t i, Count sum) { running.sums[i] = add_capped(running.sums[i], sum); });
        level.past.pop_back();
    }
}

// `sums`: of the series itself or, for a percentile, of the histogram's buckets.
Count History::value_of(std::size_t series, std::span<const Count> sums, Count samples) const {
    const MetricSeries& one = series_[series];
    if (one.percent != 0) return percentile_of(sums, one.percent);
    return one.gauge ? sums.front() / std::max<Count>(samples, 1) : sums.front();
}

template <class Visit>
void History::each_period(Period period, std::size_t count, std::size_t first, std::size_t wanted, Visit visit) const {
    const auto which = static_cast<std::size_t>(period);
    const Level& level = levels_[which];
    if (first + wanted > series_.size() || level.now.samples == 0 || count == 0) return;
    const std::size_t past = std::min(level.past.size(), count - 1);
    std::vector<Count> sums;
    for (std::size_t i = level.past.size() - past; i < level.past.size(); ++i) {
        const Row& row = level.past[i];
        sums.assign(wanted, 0);
        (void)unpack(row.cells, series_.size(), [&](std::size_t index, Count value) {
            if (index >= first && index - first < wanted) sums[index - first] = value;
        });
        visit(start_of(which, row.number), std::span<const Count>{sums}, row.samples);
    }
    visit(start_of(which, level.now.number), std::span<const Count>{level.now.sums}.subspan(first, wanted),
          level.now.samples);
}

std::vector<History::Point> History::points(std::size_t series, Period period, std::size_t count) const {
    std::vector<Point> points;
    if (series >= series_.size()) return points;
    const bool own = has_sums(series);
    each_period(period, count, own ? series : series_[series].buckets, own ? 1 : bucket_count,
                [&](Time start, std::span<const Count> sums, Count samples) {
                    points.push_back({start, value_of(series, sums, samples)});
                });
    return points;
}

std::vector<History::Spread> History::spreads(std::size_t first, Period period, std::size_t count) const {
    std::vector<Spread> spreads;
    each_period(period, count, first, bucket_count, [&](Time start, std::span<const Count> sums, Count) {
        spreads.push_back({start, {sums.begin(), sums.end()}});
    });
    return spreads;
}

std::optional<std::size_t> History::find_buckets(std::string_view name) const {
    const std::string prefix = std::string{name} + ' ';
    const auto found = std::find_if(series_.begin(), series_.end(), [&](const MetricSeries& one) {
        return one.percent != 0 && series_[one.buckets].name.starts_with(prefix);
    });
    if (found == series_.end()) return std::nullopt;
    return found->buckets;
}

std::optional<std::size_t> History::find(std::string_view name) const {
    const auto found = std::find_if(series_.begin(), series_.end(), [&](const auto& one) { return one.name == name; });
    if (found == series_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - series_.begin());
}

// File: magic; number of series and (name, gauge) for each; for each of four levels the number of rows and (number, as
// the difference to the row before; samples; cells) for each, the current period last; CRC-32 of all that, four octets.
std::string History::encode() const {
    std::string out{magic};
    put_number(series_.size(), out);
    for (const MetricSeries& one : series_) {
        put_text(one.name, out);
        put_number(one.gauge ? 1 : 0, out);
    }
    for (const Level& level : levels_) {
        std::int64_t before = 0;
        const auto put_row = [&](std::int64_t number, Count samples, std::string_view cells) {
            put_number(static_cast<std::uint64_t>(number - std::exchange(before, number)), out);
            put_number(samples, out);
            put_text(cells, out);
        };
        put_number(level.past.size() + (level.now.samples != 0 ? 1 : 0), out);
        for (const Row& row : level.past) put_row(row.number, row.samples, row.cells);
        if (level.now.samples != 0) put_row(level.now.number, level.now.samples, pack(level.now.sums));
    }
    const std::uint32_t crc = crc32(out);
    for (unsigned shift = 0; shift < 32; shift += 8) out += static_cast<char>(crc >> shift & 0xFFu);
    return out;
}

std::optional<std::string> History::decode(std::string_view file) {
    if (file.size() > max_file_octets) return "too long for a history";
    if (!file.starts_with(magic)) return "not a history file, or from another version";
    if (file.size() < magic.size() + 4) return "cut short";
    std::uint32_t crc = 0;
    for (unsigned i = 0; i < 4; ++i)
        crc |= std::uint32_t{static_cast<unsigned char>(file[file.size() - 4 + i])} << (8 * i);
    file.remove_suffix(4);
    if (crc32(file) != crc) return "damaged: the checksum does not match";

    ByteReader in{file.substr(magic.size())};
    const auto count = in.number(max_series);
    if (!count) return "damaged: the number of series";
    std::vector<std::size_t> our_index(*count, not_ours); // by the file's index
    for (std::size_t& index : our_index) {
        const auto name = in.text(max_name);
        const auto gauge = in.number(1);
        if (!name || !gauge) return "damaged: a series' name";
        const auto ours = find(*name);
        // An earlier build stored means of percentiles, which are meaningless.
        if (ours && has_sums(*ours) && series_[*ours].gauge == (*gauge == 1)) index = *ours;
    }
    std::array<Level, 4> levels;
    for (std::size_t i = 0; i < levels.size(); ++i)
        if (auto wrong = decode_level(in, i, our_index, levels[i])) return wrong;
    if (!in.at_end()) return "damaged: more than a history";
    levels_ = std::move(levels);
    return std::nullopt;
}

std::optional<std::string> History::decode_level(ByteReader& in, std::size_t which,
                                                 const std::vector<std::size_t>& our_index, Level& level) const {
    level.now.sums.assign(series_.size(), 0);
    const auto rows = in.number(capacity[which]);
    if (!rows) return "damaged: the number of periods";
    std::int64_t number = 0;
    for (std::uint64_t i = 0; i < *rows; ++i) {
        const auto step = in.number(static_cast<std::uint64_t>(last_second));
        const auto samples = in.number();
        const auto cells = in.text(max_file_octets);
        if (!step || (i != 0 && *step == 0) || !samples || *samples == 0 || !cells) return "damaged: a period";
        number += static_cast<std::int64_t>(*step);
        if (number > number_at(which, Time{std::chrono::seconds{last_second}})) return "damaged: a period's date";
        std::vector<Count> sums(series_.size(), 0);
        const bool good = unpack(*cells, our_index.size(), [&](std::size_t index, Count sum) {
            if (our_index[index] != not_ours) sums[our_index[index]] = sum;
        });
        if (!good) return "damaged: a period's values";
        if (i + 1 == *rows)
            level.now = {number, *samples, std::move(sums)};
        else
            level.past.push_back({number, *samples, pack(sums)});
    }
    return std::nullopt;
}

} // namespace buzon::state
