// manage/queries.cpp - the commands that only query.
#include <algorithm>

#include "buzon/line/command_line.h"
#include "buzon/line/number.h"
#include "commands.h"
#include "words.h"

namespace buzon::manage::commands {
namespace {

constexpr std::size_t lines_of_logg = 100; // a bare LOGG

std::string four_numbers(const state::Metrics& metrics) {
    return std::to_string(metrics.messages) + ';' + std::to_string(metrics.bytes) + ';' +
           std::to_string(metrics.online) + ';' + std::to_string(metrics.historic);
}

std::string name_value(std::string_view name, std::string_view value) {
    return std::string{name}.append(" ").append(value);
}

// ALL exists because a shell replaces a bare "*" with file names.
bool is_all(std::string_view word) {
    return word == "*" || line::equals_ignoring_case(word, "ALL");
}

// METR ?: "name type unit meaning", for all metrics or one.
Action explain_metrics(Impl& session, std::string_view name, std::string& out) {
    std::vector<std::string> lines;
    const auto explain = [&](const state::MetricSeries& one) {
        if (!name.empty() && one.name != name) return;
        std::string& line = lines.emplace_back(one.name);
        line.append(one.gauge ? " gauge " : " counter ").append(one.unit.empty() ? "-" : one.unit);
        line.append(" ").append(one.meaning);
    };
    for (const state::MetricSeries& one : state::metric_series()) explain(one);
    for (const state::ProgramSeries& one : state::program_series(session.host.metrics())) explain(one.about);
    if (lines.empty()) return session.fail("no such metric, METR * lists them", out);
    return session.list(std::move(lines), out);
}

// The non-empty buckets, each as "BOUND:SAMPLES"; "more" is the bucket beyond the last bound.
std::string spread_text(std::span<const state::Count> buckets) {
    std::string text;
    for (std::size_t i = 0; i < buckets.size(); ++i) {
        if (buckets[i] == 0) continue;
        const auto& bounds = state::Histogram::bounds;
        text.append(text.empty() ? "" : " ").append(i < bounds.size() ? std::to_string(bounds[i]) : "more");
        text.append(":").append(std::to_string(buckets[i]));
    }
    return text.empty() ? "-" : text;
}

} // namespace

Action metr(Impl& session, std::string_view argument, std::string& out) {
    const state::Metrics& metrics = session.host.metrics();
    const std::string_view name = trim_blanks(argument);
    if (name.empty()) return session.answer(four_numbers(metrics), out);
    if (std::string_view rest = name; take_word(rest) == "?") return explain_metrics(session, trim_blanks(rest), out);
    std::vector<state::Count> values;
    read_series(metrics, values);
    const auto& series = state::metric_series();
    if (is_all(name)) {
        std::vector<std::string> lines;
        for (std::size_t i = 0; i < series.size(); ++i)
            lines.push_back(name_value(series[i].name, std::to_string(values[i])));
        for (const state::ProgramSeries& one : state::program_series(metrics))
            lines.push_back(name_value(one.about.name, std::to_string(one.value)));
        return session.list(std::move(lines), out);
    }
    for (const state::ProgramSeries& one : state::program_series(metrics))
        if (one.about.name == name) return session.answer(std::to_string(one.value), out);
    const auto found = std::find_if(series.begin(), series.end(), [&](const auto& one) { return one.name == name; });
    if (found == series.end()) return session.fail("no such metric, METR * lists them", out);
    return session.answer(std::to_string(values[static_cast<std::size_t>(found - series.begin())]), out);
}

Action info(Impl& session, std::string_view argument, std::string& out) {
    const Host& host = session.host;
    const std::string_view what = trim_blanks(argument);
    if (what.empty()) return session.answer(host.settings().host + ';' + host.directory() + ';' + host.address(), out);
    if (!is_all(what)) return session.fail("usage: INFO, INFO * or INFO ALL", out);
    std::vector<std::string> lines{name_value("host", host.settings().host), name_value("basedir", host.directory()),
                                   name_value("ip", host.address()), name_value("port", std::to_string(host.port())),
                                   name_value("transform", host.transform(std::nullopt).value_or("off"))};
    for (const auto& [name, value] : host.details()) lines.push_back(name_value(name, value));
    return session.list(std::move(lines), out);
}

Action logg(Impl& session, std::string_view argument, std::string& out) {
    std::string_view rest = argument;
    const std::string_view word = take_word(rest);
    if (line::equals_ignoring_case(word, "FOLLOW")) {
        LineFilter filter;
        std::string wrong;
        for (std::string_view one = take_word(rest); !one.empty(); one = take_word(rest)) {
            if (!filter.add(one, wrong)) wrong = "LOGG FOLLOW takes user=NAME, ip=ADDR and session=ID";
            if (!wrong.empty()) return session.fail(wrong, out);
        }
        return session.follow(session.host.events().log().lines(), 1, std::move(filter), out);
    }
    std::size_t count = lines_of_logg;
    if (!word.empty()) {
        const auto given = line::parse_whole<std::uint64_t>(trim_blanks(argument), 1, UINT32_MAX);
        if (!given) return session.fail("usage: LOGG, LOGG COUNT (from 1) or LOGG FOLLOW", out);
        count = *given;
    }
    return session.list(std::make_unique<LogListing>(session.host, count), out);
}

Action evnt(Impl& session, std::string_view argument, std::string& out) {
    state::EventMask kinds = 0;
    LineFilter filter;
    for (std::string_view name = take_word(argument); !name.empty(); name = take_word(argument)) {
        std::string wrong;
        if (filter.add(name, wrong)) {
            if (!wrong.empty()) return session.fail(wrong, out);
            continue;
        }
        const auto type = state::event_type(name);
        if (!type) {
            std::string why = "no such event type; the types are";
            for (const std::string_view one : state::event_type_names) why.append(" ").append(one);
            return session.fail(why, out);
        }
        kinds |= mask_of(*type);
    }
    kinds = kinds == 0 ? state::every_event : kinds;
    return session.follow(session.host.events().events(), kinds, std::move(filter), out);
}

Action hist(Impl& session, std::string_view argument, std::string& out) {
    const state::History& history = session.host.history();
    const std::string_view metric = take_word(argument);
    const auto series = history.find(metric), buckets = history.find_buckets(metric);
    if (!series && !buckets) return session.fail("no such metric, METR * lists them", out);
    const std::string_view length = take_word(argument);
    const auto period = std::find(state::period_names.begin(), state::period_names.end(), length);
    if (period == state::period_names.end()) return session.fail("a period is minute, hour, day or week", out);
    std::size_t count = SIZE_MAX;
    if (const std::string_view last = trim_blanks(argument); !last.empty()) {
        const auto given = line::parse_whole<std::uint64_t>(last, 1, UINT32_MAX);
        if (!given) return session.fail("the count of periods is a whole number from 1", out);
        count = *given;
    }
    std::vector<std::string> lines;
    const auto which = static_cast<state::Period>(period - state::period_names.begin());
    const auto add_line = [&](state::History::Time start, const std::string& value) {
        std::string& line = lines.emplace_back();
        state::append_time(start, line);
        line.append(" ").append(value);
    };
    if (series)
        for (const auto& point : history.points(*series, which, count))
            add_line(point.start, std::to_string(point.value));
    else
        for (const auto& spread : history.spreads(*buckets, which, count))
            add_line(spread.start, spread_text(spread.buckets));
    return session.list(std::move(lines), out);
}

Action sess(Impl& session, std::string_view argument, std::string& out) {
    if (!argument.empty()) return session.fail("SESS takes no argument", out);
    return session.list(std::make_unique<SessionListing>(session.host), out);
}

Action whyy(Impl& session, std::string_view argument, std::string& out) {
    const std::string_view user = trim_blanks(argument);
    if (user.empty()) return session.fail("WHYY needs a user, or *", out);
    if (user == "*") return session.list(session.host.events().suspects().read(session.host.now()), out);
    return session.list(session.host.events().diary().read(user), out);
}

} // namespace buzon::manage::commands
