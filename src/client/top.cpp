#include "top.h"

#include <algorithm>
#include <cmath>

#include "fields.h"
#include "plot.h"
#include "text.h"

namespace buzon::client {
namespace {

constexpr std::size_t max_buckets = 400; // twenty minutes; wider than any screen
constexpr std::size_t max_logins = 50;

double number_in(const std::vector<Field>& fields, std::string_view name) {
    return number_of(value_of(fields, name)).value_or(0);
}

TopView::Row plain(std::string_view text, std::size_t columns) {
    return {fitted(text, columns), false};
}

TopView::Row heading(std::string_view text, std::size_t columns) {
    return {fitted(text, columns), true};
}

std::string whole(double value) {
    return fixed(std::floor(value), 0);
}

// "45s", "12m", "3h", "9d".
std::string age_text(double seconds) {
    if (seconds < 100) return whole(seconds) + 's';
    if (seconds < 100 * 60) return whole(seconds / 60) + 'm';
    if (seconds < 100 * 3600) return whole(seconds / 3600) + 'h';
    return whole(seconds / 86400) + 'd';
}

std::string clock_text(std::int64_t seconds) {
    const auto two = [](std::int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
    return two(seconds / 3600 % 24) + ':' + two(seconds / 60 % 60) + ':' + two(seconds % 60);
}

// The columns of the session list: user and address share what is left; a wide screen also has room for the filter.
struct Widths {
    std::size_t id = 6, user, address, state = 6, command = 5, sent = 5, share = 4, rate = 5, backlog = 5, age = 4,
                filter;
};

Widths widths(std::size_t columns) {
    Widths all{};
    const std::size_t fixed_part =
        all.id + all.state + all.command + all.sent + all.share + all.rate + all.backlog + all.age + 10;
    const std::size_t left = columns > fixed_part + 24 ? columns - fixed_part : 24;
    all.user = std::min<std::size_t>(left / 3, 24);
    all.address = std::min<std::size_t>(left - all.user, 48);
    constexpr std::size_t usual_address = 40, least_filter = 12; // most IPv6 addresses with their port
    all.filter = left >= all.user + usual_address + least_filter ? left - all.user - usual_address - 1 : 0;
    if (all.filter > 0) all.address = usual_address;
    return all;
}

// The protocol's names of states are too long for a column.
std::string_view short_state(std::string_view state) {
    if (state == "authorization") return "login";
    if (state == "transaction") return "open";
    return state;
}

} // namespace

void Trend::add_counter(double now, double value) {
    const bool growth = seen_ && value >= *seen_ && now > *seen_at_;
    if (growth) put(now, (value - *seen_) / (now - *seen_at_));
    seen_ = value;
    seen_at_ = now;
}

void Trend::add_gauge(double now, double value) {
    put(now, value);
}

void Trend::put(double now, double value) {
    current_ = value;
    const auto number = static_cast<std::int64_t>(std::floor(now / bucket_seconds));
    // Seconds without a poll (a stopped client, a slow server) repeat the last value: no gap, no spike.
    while (!buckets_.empty() && buckets_.back().number + 1 < number && number - buckets_.back().number < 1000) {
        buckets_.push_back({buckets_.back().number + 1, value, 1});
    }
    if (buckets_.empty() || buckets_.back().number != number) buckets_.push_back({number, 0, 0});
    buckets_.back().sum += value;
    ++buckets_.back().values;
    while (buckets_.size() > max_buckets) buckets_.pop_front();
}

std::vector<double> Trend::last(std::size_t count) const {
    std::vector<double> values;
    const std::size_t skip = buckets_.size() > count ? buckets_.size() - count : 0;
    for (std::size_t i = skip; i < buckets_.size(); ++i) {
        values.push_back(buckets_[i].sum / static_cast<double>(buckets_[i].values));
    }
    return values;
}

void TopView::take_numbers(double now, const Reply& metr) {
    const auto fields = metr_fields(metr.text);
    if (!metr.ok || !fields) return;
    trends_[0].add_counter(now, number_in(*fields, "messages"));
    trends_[1].add_counter(now, number_in(*fields, "bytes"));
    trends_[2].add_counter(now, number_in(*fields, "historic"));
    trends_[3].add_gauge(now, number_in(*fields, "online"));
}

void TopView::take_metrics(const Reply& all_metrics) {
    metrics_.clear();
    for (const std::string& line : all_metrics.lines) {
        const Field field = last_blank_field(line);
        if (const auto value = number_of(field.second)) metrics_[field.first] = *value;
    }
}

TopView::Session TopView::read_session(double now, std::string_view line, std::map<std::string, Seen>& seen) const {
    const std::vector<Field> fields = session_fields(line);
    const auto text = [&](std::string_view name) { return printable(value_of(fields, name)); };
    const auto number = [&](std::string_view name) { return number_in(fields, name); };
    Session session{text("id"),
                    text("user"),
                    text("address"),
                    text("state"),
                    text("command"),
                    text("program"),
                    number("sent"),
                    number("size"),
                    number("backlog"),
                    number("age"),
                    0};
    if (const auto before = sent_.find(session.id); before != sent_.end() && now > before->second.at) {
        // Less than before: a new reply has begun.
        const double grown = session.sent - (session.sent >= before->second.sent ? before->second.sent : 0);
        session.rate = grown / (now - before->second.at);
    }
    seen[session.id] = {now, session.sent};
    return session;
}

void TopView::take_sessions(double now, const Reply& sessions) {
    sessions_.clear();
    sessions_trouble_ = sessions.ok ? "" : printable(sessions.status);
    std::map<std::string, Seen> seen;
    for (const std::string& line : sessions.lines) sessions_.push_back(read_session(now, line, seen));
    sent_ = std::move(seen); // sessions that have ended are forgotten
    sort();
}

void TopView::sort() {
    // Stable, with the id as the last criterion, so that rows do not jump.
    std::stable_sort(sessions_.begin(), sessions_.end(), [this](const Session& a, const Session& b) {
        if (order_ == Order::user && a.user != b.user) return a.user < b.user;
        if (order_ == Order::age && std::fabs(a.age - b.age) > 0.5) return a.age > b.age;
        if (order_ == Order::load) {
            if (std::fabs(a.rate - b.rate) > 0.5) return a.rate > b.rate;
            if (std::fabs(a.backlog - b.backlog) > 0.5) return a.backlog > b.backlog;
        }
        return a.id.size() != b.id.size() ? a.id.size() < b.id.size() : a.id < b.id;
    });
}

void TopView::take_event(std::string_view line) {
    const std::vector<Field> fields = event_fields(line);
    const std::string_view time = value_of(fields, "time");
    const bool iso = time.size() >= 19 && time[10] == 'T';
    std::string text =
        printable(iso ? time.substr(11, 8) : time) + "  " + fitted(printable(value_of(fields, "type")), 10);
    for (const auto& [name, value] : fields) {
        if (name == "user") text += ' ' + fitted(printable(value), 16);
    }
    for (const auto& [name, value] : fields) {
        if (name != "time" && name != "type" && name != "user" && name != "level")
            text += ' ' + name + '=' + printable(value);
    }
    logins_.push_front(std::move(text));
    if (logins_.size() > max_logins) logins_.pop_back();
}

void TopView::next_order() {
    order_ = order_ == Order::load ? Order::age : order_ == Order::age ? Order::user : Order::load;
    first_ = 0;
    sort();
}

void TopView::scroll(long rows) {
    const long place = static_cast<long>(first_) + rows;
    first_ = place < 0 ? 0 : static_cast<std::size_t>(place);
}

double TopView::metric(std::string_view name) const {
    const auto found = metrics_.find(name);
    return found == metrics_.end() ? 0 : found->second;
}

std::string TopView::head_line(std::int64_t clock) const {
    std::string text = " buzon " + server_;
    const double start = metric("start-time");
    if (start > 0 && static_cast<double>(clock) >= start)
        text += "   up " + age_text(static_cast<double>(clock) - start);
    return text + "   " + clock_text(clock) + " UTC";
}

std::string TopView::health_line() const {
    std::string text;
    const auto add = [&](std::string_view label, std::string_view name) {
        if (metrics_.find(name) == metrics_.end()) return;
        text += "   " + std::string{label} + ' ' + measured(metric(name), unit_of(name));
    };
    add("connections", "connections-open");
    add("refused", "connections-refused");
    add("memory", "memory");
    add("files", "descriptors");
    add("lag", "loop-lag-p99");
    add("jobs", "workers-busy");
    return text.empty() ? "" : text.substr(2);
}

std::string TopView::filter_line() const {
    std::string text = " filters        running " + whole(metric("filters-running")) + "   queued " +
                       whole(metric("filters-queued")) + "   started " + whole(metric("filters-started"));
    double failed = 0;
    std::string causes;
    constexpr std::string_view prefix = "filter-failures-";
    for (const auto& [name, value] : metrics_) {
        if (name.substr(0, prefix.size()) != prefix || value <= 0) continue;
        failed += value;
        causes += (causes.empty() ? " (" : ", ") + printable(name.substr(prefix.size())) + ' ' + whole(value);
    }
    return text + "   failed " + whole(failed) + (causes.empty() ? "" : causes + ")");
}

void TopView::add_trends(std::vector<Row>& rows, std::size_t columns) const {
    constexpr std::array<std::string_view, 4> labels = {" messages/s", " octets/s", " logins/s", " online"};
    constexpr std::size_t text_width = 22;
    for (std::size_t i = 0; i < trends_.size(); ++i) {
        const double now = trends_[i].current();
        std::string text =
            fitted(labels[i], 14) + fitted_right(measured(now, i == 1 ? Unit::octets : Unit::number), 6) + "  ";
        if (columns > text_width) {
            const std::size_t width = columns - text_width;
            text += sparkline(trends_[i].last(width), width, charset_);
        }
        rows.push_back(plain(text, columns));
    }
}

std::string TopView::session_line(const Session& session, std::size_t columns) const {
    const Widths width = widths(columns);
    const bool sending = session.size > 0 || session.sent > 0;
    const std::string share =
        session.size > 0 ? fixed(std::min(100.0, session.sent / session.size * 100), 0) + '%' : "";
    return ' ' + fitted(session.id, width.id) + ' ' + fitted(session.user, width.user) + ' ' +
           fitted(session.address, width.address) + ' ' + fitted(short_state(session.state), width.state) + ' ' +
           fitted(session.command == "-" ? "" : session.command, width.command) + ' ' +
           fitted_right(sending ? shortened(session.sent, 1024) : "", width.sent) + ' ' +
           fitted_right(share, width.share) + ' ' +
           fitted_right(session.rate > 0 ? shortened(session.rate, 1024) : "", width.rate) + ' ' +
           fitted_right(session.backlog > 0 ? shortened(session.backlog, 1024) : "", width.backlog) + ' ' +
           fitted_right(age_text(session.age), width.age) +
           (width.filter > 0 && session.program != "-"
                ? ' ' + fitted(session.program.substr(session.program.rfind('/') + 1), width.filter)
                : "");
}

void TopView::add_sessions(std::vector<Row>& rows, std::size_t height, std::size_t columns) {
    if (height < 2) return;
    const Widths width = widths(columns);
    rows.push_back(heading(' ' + fitted("ID", width.id) + ' ' + fitted("USER", width.user) + ' ' +
                               fitted("ADDRESS", width.address) + ' ' + fitted("STATE", width.state) + ' ' +
                               fitted("CMD", width.command) + ' ' + fitted_right("SENT", width.sent) + ' ' +
                               fitted_right("OF", width.share) + ' ' + fitted_right("OCT/S", width.rate) + ' ' +
                               fitted_right("QUEUE", width.backlog) + ' ' + fitted_right("AGE", width.age) +
                               (width.filter > 0 ? " FILTER" : ""),
                           columns));
    const std::size_t room = height - 1;
    first_ = std::min(first_, sessions_.size() > room ? sessions_.size() - room : 0);
    const std::size_t end = std::min(sessions_.size(), first_ + room);
    for (std::size_t i = first_; i < end; ++i) rows.push_back(plain(session_line(sessions_[i], columns), columns));
    std::size_t used = end - first_;
    if (used == 0 && room > 0) {
        rows.push_back(plain(sessions_trouble_.empty() ? " no sessions" : ' ' + sessions_trouble_, columns));
        used = 1;
    }
    for (; used < room; ++used) rows.push_back(plain("", columns));
}

void TopView::add_logins(std::vector<Row>& rows, std::size_t height, std::size_t columns) const {
    if (height < 2) return;
    rows.push_back(heading(" LOGINS", columns));
    std::size_t used = 0;
    for (; used < std::min(height - 1, logins_.size()); ++used) rows.push_back(plain(' ' + logins_[used], columns));
    if (used == 0) {
        rows.push_back(plain(events_trouble_.empty() ? " none yet" : ' ' + events_trouble_, columns));
        used = 1;
    }
    for (; used + 1 < height; ++used) rows.push_back(plain("", columns));
}

std::vector<TopView::Row> TopView::frame(std::size_t rows, std::size_t columns, std::int64_t clock) {
    std::vector<Row> all{heading(head_line(clock), columns), plain(health_line(), columns)};
    add_trends(all, columns);
    all.push_back(plain(filter_line(), columns));
    constexpr std::array<std::string_view, 3> orders = {"load", "age", "user"};
    const std::size_t used = all.size() + 1; // and the last row
    const std::size_t left = rows > used ? rows - used : 0;
    const std::size_t logins = left >= 8 ? std::min<std::size_t>(left / 3, 8) : 0;
    add_sessions(all, left - logins, columns);
    add_logins(all, logins, columns);
    if (all.size() + 1 > rows) all.resize(rows > 0 ? rows - 1 : 0);
    while (all.size() + 1 < rows) all.push_back(plain("", columns));
    if (rows > 0) {
        all.push_back(heading(" q quits   s sorts (by " + std::string{orders[static_cast<std::size_t>(order_)]} +
                                  ")   arrows scroll   " + std::to_string(sessions_.size()) +
                                  (sessions_.size() == 1 ? " session" : " sessions"),
                              columns));
    }
    for (Row& row : all) row.text = in_charset(std::move(row.text), charset_);
    return all;
}

} // namespace buzon::client
