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

} // namespace

Action metr(Impl& session, std::string_view argument, std::string& out) {
    const state::Metrics& metrics = session.host.metrics();
    const std::string_view name = trim_blanks(argument);
    if (name.empty()) return session.answer(four_numbers(metrics), out);
    std::vector<state::Count> values;
    read_series(metrics, values);
    const auto& series = state::metric_series();
    if (name == "*") {
        std::vector<std::string> lines;
        for (std::size_t i = 0; i < series.size(); ++i)
            lines.push_back(name_value(series[i].name, std::to_string(values[i])));
        return session.list(std::move(lines), out);
    }
    const auto found = std::find_if(series.begin(), series.end(), [&](const auto& one) { return one.name == name; });
    if (found == series.end()) return session.fail("no such metric, METR * lists them", out);
    return session.answer(std::to_string(values[static_cast<std::size_t>(found - series.begin())]), out);
}

Action info(Impl& session, std::string_view argument, std::string& out) {
    const Host& host = session.host;
    const std::string_view what = trim_blanks(argument);
    if (what.empty()) return session.answer(host.settings().host + ';' + host.directory() + ';' + host.address(), out);
    if (what != "*") return session.fail("usage: INFO or INFO *", out);
    std::vector<std::string> lines{name_value("host", host.settings().host), name_value("basedir", host.directory()),
                                   name_value("ip", host.address()), name_value("port", std::to_string(host.port())),
                                   name_value("transform", host.transform(std::nullopt).value_or("off"))};
    for (const auto& [name, value] : host.details()) lines.push_back(name_value(name, value));
    return session.list(std::move(lines), out);
}

Action logg(Impl& session, std::string_view argument, std::string& out) {
    const std::string_view word = trim_blanks(argument);
    if (line::equals_ignoring_case(word, "FOLLOW"))
        return session.follow(session.host.events().log().lines(), 1, 0, out);
    std::size_t count = lines_of_logg;
    if (!word.empty()) {
        const auto given = line::parse_whole<std::uint64_t>(word, 1, UINT32_MAX);
        if (!given) return session.fail("usage: LOGG, LOGG COUNT (from 1) or LOGG FOLLOW", out);
        count = *given;
    }
    return session.list(std::make_unique<LogListing>(session.host, count), out);
}

Action evnt(Impl& session, std::string_view argument, std::string& out) {
    state::EventMask kinds = 0;
    for (std::string_view name = take_word(argument); !name.empty(); name = take_word(argument)) {
        const auto type = state::event_type(name);
        if (!type) {
            std::string why = "no such event type; the types are";
            for (const std::string_view one : state::event_type_names) why.append(" ").append(one);
            return session.fail(why, out);
        }
        kinds |= mask_of(*type);
    }
    return session.follow(session.host.events().events(), kinds == 0 ? state::every_event : kinds, 0, out);
}

Action hist(Impl& session, std::string_view argument, std::string& out) {
    const state::History& history = session.host.history();
    const auto series = history.find(take_word(argument));
    if (!series) return session.fail("no such metric, METR * lists them", out);
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
    for (const auto& point : history.points(*series, which, count)) {
        std::string& line = lines.emplace_back();
        state::append_time(point.start, line);
        line.append(" ").append(std::to_string(point.value));
    }
    return session.list(std::move(lines), out);
}

Action sess(Impl& session, std::string_view argument, std::string& out) {
    if (!argument.empty()) return session.fail("SESS takes no argument", out);
    return session.list(std::make_unique<SessionListing>(session.host), out);
}

Action whyy(Impl& session, std::string_view argument, std::string& out) {
    const std::string_view user = trim_blanks(argument);
    if (user.empty()) return session.fail("WHYY needs a user", out);
    return session.list(session.host.events().diary().read(user), out);
}

} // namespace buzon::manage::commands
