// top/top.cpp - the rows of the live view.
#include "top.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "buzon/talk/fields.h"
#include "buzon/terminal/plot.h"
#include "buzon/terminal/table.h"
#include "buzon/terminal/text.h"
#include "buzon/terminal/units.h"

namespace buzon::client {
namespace {

using Row = TopView::Row;
using Style = TopView::Style;

constexpr std::string_view help_lines[] = {
    "q       quit",
    "up down select a session; Page Up and Page Down, Home and End too",
    "Enter   details of the selected session",
    "/       show only sessions that contain a text; Enter keeps the filter, an empty one shows all",
    "s       sort by load, by age or by user",
    "k       kick the selected session, after a question",
    "p       pause, and go on",
    "+ -     refresh less or more often",
    "< >     in a recording: step back or forward",
    "h       this help",
    "",
    "busy is the share of the last minute in which the server's loop did not wait;",
    "lag, login and scan are the times that 99 of 100 did not exceed in that minute;",
    "the curves show about twenty minutes, ^ their highest value;",
    "failures/s names each metric of a refusal or a fault that has grown since the last look.",
};

std::string whole(double value) {
    return fixed(std::floor(value), 0);
}

std::string age_text(double seconds) {
    return measured(seconds, Unit::seconds);
}

// The text in exactly `width` columns; ">" marks a cut.
std::string cut(std::string_view text, std::size_t width) {
    if (columns(text) <= width || width < 2) return fitted(text, width);
    return fitted(text, width - 1) + '>';
}

std::string base_name(std::string_view path) {
    return std::string{path.substr(path.rfind('/') + 1)};
}

std::string amount(double octets) {
    return octets > 0 ? shortened(octets, 1024) : "-";
}

Cells cells_of(const TopSession& one) {
    return {one.id,
            one.user,
            one.address,
            one.state,
            one.command,
            TopSession::has(one.program) ? base_name(one.program) : "-",
            amount(one.sent),
            amount(one.size),
            amount(one.rate),
            amount(one.backlog),
            age_text(one.age),
            age_text(one.idle),
            one.tls ? "tls" : "-"};
}

const Cells& headings() {
    static const Cells all = {"ID",   "USER",  "ADDRESS", "STATE", "COMMAND", "PROGRAM", "SENT",
                              "SIZE", "OCT/S", "BACKLOG", "AGE",   "IDLE",    "TLS"};
    return all;
}

std::vector<std::string> lines_in(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

// "name 3  other 1", the most frequent first.
std::string counted(const std::map<std::string, std::size_t>& counts) {
    std::vector<std::pair<std::string, std::size_t>> all{counts.begin(), counts.end()};
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    std::string text;
    for (const auto& [name, count] : all) text += "  " + name + ' ' + std::to_string(count);
    return text;
}

struct RateLine {
    std::string_view label;
    TopData::Rate which;
    Unit unit;
};
constexpr std::array<RateLine, 4> rate_lines = {{{"messages/s", TopData::messages, Unit::number},
                                                 {"octets/s", TopData::octets, Unit::octets},
                                                 {"logins/s", TopData::logins, Unit::number},
                                                 {"refusals/s", TopData::refusals, Unit::number}}};

std::string rate_text(double value, Unit unit) {
    return unit == Unit::number && value > 0 && value < 10 ? fixed(value, value < 0.1 ? 2 : 1) : measured(value, unit);
}

// The label, the current value, the top of the scale, and the curve.
Row rate_row(const TopData& data, const RateLine& line, std::size_t width, Charset charset) {
    const Trend& trend = data.trend(line.which);
    std::string text = ' ' + fitted(line.label, 11) + fitted_right(rate_text(trend.current(), line.unit), 6);
    constexpr std::size_t before = 28;
    if (width > before) {
        const std::vector<double> values = trend.last(width - before);
        const double top = values.empty() ? 0 : *std::max_element(values.begin(), values.end());
        text += "  ^" + fitted(rate_text(top, line.unit), 7) + sparkline(values, width - before, charset, top);
    }
    const bool refusing = line.which == TopData::refusals && trend.current() > 0;
    return {std::move(text), refusing ? Style::warning : Style::plain};
}

Row busy_row(const TopData& data) {
    const double busy = data.metric("loop-busy");
    std::string text = " busy " + whole(busy) + "%";
    const auto add = [&](std::string_view label, std::string_view name) {
        if (data.has_metric(name))
            text += "   " + std::string{label} + ' ' + measured(data.metric(name), unit_of(name));
    };
    add("lag", "loop-lag-p99");
    add("online", "online");
    add("open", "connections-open");
    add("memory", "memory");
    add("files", "descriptors");
    add("cpu", "process-cpu-seconds");
    return {std::move(text), busy >= 90 ? Style::alarm : busy >= 70 ? Style::warning : Style::plain};
}

// Workers, and the commands that wait for them.
Row worker_row(const TopData& data, const std::map<std::string, std::size_t>& waiting) {
    const double jobs = data.metric("workers-busy");
    return {" workers  jobs " + whole(jobs) + (jobs > 0 ? counted(waiting) : "") + "   done/s " +
            rate_text(data.trend(TopData::jobs).current(), Unit::number) + "   login " +
            measured(data.metric("login-time-p99"), Unit::microseconds) + "   scan " +
            measured(data.metric("scan-time-p99"), Unit::microseconds) + "   died " +
            whole(data.metric("worker-failures"))};
}

Row filter_row(const TopData& data, const std::map<std::string, std::size_t>& programs) {
    const double failed = data.sum("filter-failures-");
    return {" filters  running " + whole(data.metric("filters-running")) + "   queued " +
                whole(data.metric("filters-queued")) + "   started " + whole(data.metric("filters-started")) +
                "   failed " + whole(failed) + (programs.empty() ? "" : "  " + counted(programs)),
            failed > 0 ? Style::warning : Style::plain};
}

// What is going wrong now: failures per second, by cause.
Row failure_row(const TopData& data) {
    std::string text = " failures/s";
    for (const TopData::Failing& one : data.failing())
        text += "  " + one.cause + ' ' + rate_text(one.rate, Unit::number);
    return {data.failing().empty() ? text + "  none" : std::move(text),
            data.failing().empty() ? Style::plain : Style::warning};
}

// Removes the folders from "/usr/bin/tr|process:/opt/mark".
std::string without_folders(std::string_view names) {
    std::string text;
    for (std::size_t at = 0; at <= names.size();) {
        const std::size_t end = std::min(names.find('|', at), names.size());
        text.append(text.empty() ? "" : "|").append(base_name(names.substr(at, end - at)));
        at = end + 1;
    }
    return text;
}

Row program_row(const TopProgram& program) {
    const double messages = program.messages();
    std::string text = " program  " + without_folders(program.name) + "   messages " + whole(messages) + "   /s " +
                       rate_text(program.rate, Unit::number);
    if (messages > 0)
        text += "   same " + whole(100 * program.same / messages) + "%   each " +
                measured(program.microseconds / messages, Unit::microseconds);
    text += "   failed " + whole(program.failed);
    if (program.restarts > 0) text += "   restarts " + whole(program.restarts);
    return {std::move(text), program.failed > 0 ? Style::warning : Style::plain};
}

// Those who guess passwords, the latest first; as many as fit.
Row guessers_row(const TopData& data) {
    std::string text = " guessers " + std::to_string(data.guessers().size());
    for (const std::string& one : data.guessers()) text += "   " + one;
    return {std::move(text), Style::warning};
}

std::vector<Row> event_rows(std::string_view title, const std::deque<std::string>& lines, std::string_view trouble,
                            std::size_t height) {
    std::vector<Row> rows;
    if (height < 2) return rows;
    rows.push_back({" " + std::string{title}, Style::heading});
    for (std::size_t i = 0; i < std::min(height - 1, lines.size()); ++i) rows.push_back({' ' + lines[i]});
    if (lines.empty()) rows.push_back({trouble.empty() ? " none yet" : ' ' + std::string{trouble}});
    rows.resize(height);
    return rows;
}

} // namespace

std::string TopView::head_line(std::int64_t clock) const {
    std::string text = " buzon " + server_;
    if (!data_.info("version").empty()) text += "   version " + printable(data_.info("version"));
    const double start = data_.metric("start-time");
    if (start > 0 && static_cast<double>(clock) >= start)
        text += "   up " + age_text(static_cast<double>(clock) - start);
    text += "   " + clock_text(clock);
    if (data_.info("draining") == "yes") text += "   DRAINING";
    if (paused_) text += "   PAUSED";
    return state_.empty() ? text : text + "   " + state_;
}

std::vector<Row> TopView::panel(std::size_t width) const {
    std::map<std::string, std::size_t> doing, programs, waiting;
    std::size_t encrypted = 0;
    for (const TopSession& one : data_.sessions()) {
        ++doing[TopSession::has(one.command) ? one.command : one.state];
        if (TopSession::has(one.program)) ++programs[base_name(one.program)];
        if (one.waits()) ++waiting[one.command];
        if (one.tls) ++encrypted;
    }
    // The most important rows first, because a small screen has no room for the rest.
    std::vector<Row> rows{busy_row(data_)};
    rows.push_back({" sessions " + std::to_string(data_.sessions().size()) + ' ' + counted(doing) +
                    (encrypted > 0 ? "   tls " + std::to_string(encrypted) : "")});
    for (const RateLine& line : rate_lines) rows.push_back(rate_row(data_, line, width, charset_));
    rows.push_back(failure_row(data_));
    if (!data_.guessers().empty()) rows.push_back(guessers_row(data_));
    rows.push_back(filter_row(data_, programs));
    rows.push_back(worker_row(data_, waiting));
    constexpr std::size_t most_programs = 3;
    for (std::size_t i = 0; i < std::min(most_programs, data_.programs().size()); ++i)
        rows.push_back(program_row(data_.programs()[i]));
    return rows;
}

std::vector<Row> TopView::list(std::size_t height, std::size_t width) {
    std::vector<Row> rows;
    if (height == 0) return rows;
    const std::size_t room = height - 1;
    if (place_ >= first_ + room) first_ = place_ + 1 - std::max<std::size_t>(room, 1);
    first_ = std::min({first_, place_, shown_.size() > room ? shown_.size() - room : 0});
    std::vector<Cells> cells;
    for (std::size_t i = first_; i < std::min(shown_.size(), first_ + room); ++i)
        cells.push_back(cells_of(data_.sessions()[shown_[i]]));
    const auto lines = lines_in(table(headings(), cells, width > 1 ? width - 1 : 1, 3));
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const bool chosen = i > 0 && first_ + i - 1 == place_ && !selected_.empty();
        rows.push_back({(chosen ? '>' : ' ') + lines[i], i == 0   ? Style::heading
                                                         : chosen ? Style::selected
                                                                  : Style::plain});
    }
    if (cells.empty() && room > 0) {
        const std::string_view none = data_.sessions().empty() ? " no sessions" : " no session matches";
        rows.push_back({data_.sessions_trouble().empty() ? std::string{none} : ' ' + data_.sessions_trouble()});
    }
    return rows;
}

std::vector<Row> TopView::details(std::size_t) const {
    const TopSession* const session = selected();
    if (session == nullptr) return {{" the session has ended"}};
    std::vector<Row> rows{{" session " + session->id + ", any key goes back", Style::heading}};
    for (const auto& [name, value] : session_fields(session->line))
        rows.push_back({' ' + fitted(name, 10) + ' ' + printable(value)});
    rows.push_back({' ' + fitted("octets/s", 10) + ' ' + amount(session->rate)});
    return rows;
}

std::string TopView::last_line() const {
    static constexpr std::array<std::string_view, 3> orders = {"load", "age", "user"};
    if (mode_ == Mode::question) {
        const TopSession* const session = selected();
        const std::string user = session == nullptr || session->user == "-" ? "" : " of " + session->user;
        return " kick session " + kick_ + user + "? nothing is deleted (y/n)";
    }
    if (mode_ == Mode::filter) return " show only: " + printable(filter_) + '_';
    if (!message_.empty()) return ' ' + message_;
    std::string text = " q quit   h help   by " + std::string{orders[static_cast<std::size_t>(order_)]} + "   ";
    text += filter_.empty() ? std::to_string(shown_.size())
                            : std::to_string(shown_.size()) + " of " + std::to_string(data_.sessions().size());
    text += data_.sessions().size() == 1 ? " session" : " sessions";
    if (!filter_.empty()) text += " with " + printable(filter_);
    return pace_.empty() ? text : text + "   " + pace_;
}

std::vector<Row> TopView::frame(std::size_t rows, std::size_t width, std::int64_t clock) {
    std::vector<Row> all{{head_line(clock), Style::heading}};
    const std::size_t used = 2; // the first row and the last
    const std::size_t left = rows > used ? rows - used : 0;
    std::vector<Row> above = panel(width);
    above.resize(std::min(above.size(), left > 4 ? left - 4 : 0)); // leaves the list its heading and three rows
    std::size_t free = left - above.size();
    const std::size_t events = free >= 14 ? std::min<std::size_t>(free / 4, 8) : free >= 9 ? 3 : 0; // for each list
    free -= 2 * events;
    std::move(above.begin(), above.end(), std::back_inserter(all));

    std::vector<Row> middle;
    if (mode_ == Mode::help) {
        middle.push_back({" help, any key goes back", Style::heading});
        for (const std::string_view line : help_lines) middle.push_back({' ' + std::string{line}});
    } else if (mode_ == Mode::details) {
        middle = details(width);
    } else {
        middle = list(free, width);
    }
    const bool whole_screen = mode_ == Mode::help || mode_ == Mode::details;
    middle.resize(whole_screen ? free + 2 * events : free);
    std::move(middle.begin(), middle.end(), std::back_inserter(all));
    if (!whole_screen && events > 0) {
        for (Row& row : event_rows("LOGINS", data_.logins_seen(), events_trouble_, events))
            all.push_back(std::move(row));
        for (Row& row : event_rows("REFUSALS", data_.refusals_seen(), events_trouble_, events))
            all.push_back(std::move(row));
    }
    all.resize(rows > 0 ? rows - 1 : 0);
    if (rows > 0) all.push_back({last_line(), Style::heading});
    for (Row& row : all) row.text = cut(in_charset(std::move(row.text), charset_), width);
    return all;
}

} // namespace buzon::client
