#include "top_data.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "buzon/talk/fields.h"
#include "buzon/terminal/plot.h"
#include "buzon/terminal/text.h"

namespace buzon::client {
namespace {

constexpr std::size_t max_lines = 50; // of logins, and of refusals

constexpr std::string_view past = "HIST ", refusal = "refusals-";
constexpr std::pair<std::string_view, TopData::Rate> curves[] = {
    {"messages", TopData::messages}, {"bytes", TopData::octets}, {"historic", TopData::logins}};
// Counters with one cause each. Those of refusals and filters are found by their prefix.
constexpr std::string_view failures[] = {"deletions-failed", "log-lines-lost", "out-of-memory", "sandbox-denials",
                                         "worker-failures"};

double number_in(const std::vector<Field>& fields, std::string_view name) {
    return number_of(value_of(fields, name)).value_or(0);
}

// "15:14:35  auth-fail  eve  ip=10.0.0.9".
std::string event_text(const std::vector<Field>& fields) {
    const std::string_view time = value_of(fields, "time");
    const bool iso = time.size() >= 19 && time[10] == 'T';
    std::string text =
        printable(iso ? time.substr(11, 8) : time) + "  " + fitted(printable(value_of(fields, "type")), 9);
    for (const auto& [name, value] : fields)
        if (name == "user") text += ' ' + printable(value);
    for (const auto& [name, value] : fields)
        if (name != "time" && name != "type" && name != "user" && name != "level")
            text += ' ' + name + '=' + printable(value);
    return text;
}

} // namespace

void TopData::take(std::string_view question, double now, double clock, const Reply& reply) {
    if (question == "METR") {
        const auto fields = metr_fields(reply.text);
        if (!reply.ok || !fields) return;
        trends_[messages].add_counter(now, number_in(*fields, "messages"));
        trends_[octets].add_counter(now, number_in(*fields, "bytes"));
        trends_[logins].add_counter(now, number_in(*fields, "historic"));
        metrics_["online"] = number_in(*fields, "online");
    } else if (question == "METR *") {
        take_metrics(now, reply);
    } else if (question == "SESS") {
        take_sessions(now, reply);
    } else if (question == "INFO *") {
        info_.clear();
        for (const std::string& line : reply.lines) info_.insert(first_blank_field(line));
    } else if (question == "WHYY *") {
        take_guessers(reply);
    } else if (question.starts_with(past)) {
        const std::string_view metric = question.substr(past.size(), question.find(' ', past.size()) - past.size());
        const auto curve = std::find_if(std::begin(curves), std::end(curves),
                                        [metric](const auto& one) { return one.first == metric; });
        if (curve != std::end(curves))
            take_past(curve->second, now, clock, reply);
        else if (metric.starts_with(refusal))
            take_past(refusals, now, clock, reply);
    }
}

std::vector<std::string> TopData::past_questions() const {
    std::vector<std::string> all;
    const auto add = [&all](std::string_view metric) {
        all.push_back(std::string{past}.append(metric) + " minute 20");
    };
    for (const auto& [metric, curve] : curves) add(metric);
    for (const auto& [metric, value] : metrics_)
        if (metric.starts_with(refusal) && value > 0) add(metric);
    return all;
}

void TopData::take_metrics(double now, const Reply& reply) {
    const auto before = std::exchange(metrics_, {});
    for (const std::string& line : reply.lines) {
        const Field field = last_blank_field(line);
        if (const auto value = number_of(field.second)) metrics_[field.first] = *value;
    }
    if (!before.empty() && now > metrics_at_) compare(now - metrics_at_, before);
    metrics_at_ = now;
    trends_[refusals].add_counter(now, sum(refusal));
    trends_[jobs].add_counter(now, metric("worker-jobs"));
    take_programs(now);
}

// Reads "filter-same:NAME" and the related metrics.
void TopData::take_programs(double now) {
    constexpr std::string_view same = "filter-same:";
    std::vector<TopProgram> all;
    for (auto one = metrics_.lower_bound(same); one != metrics_.end() && one->first.starts_with(same); ++one) {
        const std::string name = one->first.substr(same.size());
        TopProgram program{printable(name),
                           one->second,
                           metric("filter-changed:" + name),
                           metric("filter-failed:" + name),
                           metric("filter-microseconds:" + name),
                           metric("filter-restarts:" + name)};
        const auto before = std::find_if(programs_.begin(), programs_.end(),
                                         [&](const TopProgram& other) { return other.name == program.name; });
        if (before != programs_.end() && now > programs_at_ && program.messages() >= before->messages())
            program.rate = (program.messages() - before->messages()) / (now - programs_at_);
        all.push_back(std::move(program));
    }
    std::stable_sort(all.begin(), all.end(), [](const TopProgram& a, const TopProgram& b) {
        return a.rate != b.rate ? a.rate > b.rate : a.messages() > b.messages();
    });
    programs_ = std::move(all);
    programs_at_ = now;
}

// Skips counters that have not grown: a restarted server counts from zero again.
void TopData::compare(double seconds, const std::map<std::string, double, std::less<>>& before) {
    failing_.clear();
    for (const auto& [name, value] : metrics_) {
        const bool cause = name.starts_with(refusal) || name.starts_with("filter-failures-") ||
                           std::find(std::begin(failures), std::end(failures), name) != std::end(failures);
        const auto then = before.find(name);
        if (!cause || then == before.end() || value <= then->second) continue;
        failing_.push_back({name, (value - then->second) / seconds});
    }
    std::stable_sort(failing_.begin(), failing_.end(),
                     [](const Failing& a, const Failing& b) { return a.rate > b.rate; });
}

// If the server does not know the command, there are no guessers.
void TopData::take_guessers(const Reply& reply) {
    guessers_.clear();
    for (auto line = reply.lines.rbegin(); line != reply.lines.rend(); ++line) {
        const std::vector<Field> fields = event_fields(*line);
        const std::string_view address = value_of(fields, "ip");
        guessers_.push_back(
            (address.empty() ? "user " + printable(value_of(fields, "user")) : "ip " + printable(address)) + " (" +
            printable(value_of(fields, "failures")) + ')');
    }
}

// Takes only complete minutes, because the current one gives no rate yet.
void TopData::take_past(Rate which, double now, double clock, const Reply& reply) {
    for (std::size_t i = 0; i + 1 < reply.lines.size(); ++i) {
        const Field point = first_blank_field(reply.lines[i]);
        const auto start = parse_time(point.first);
        const auto value = number_of(point.second);
        if (!start || !value) continue;
        const double ago = clock - static_cast<double>(start->time_since_epoch().count());
        trends_[which].fill(now - ago, 60, *value / 60);
    }
}

TopSession TopData::read_session(double now, std::string_view line, std::map<std::string, Seen>& seen) const {
    const std::vector<Field> fields = session_fields(line);
    const auto text = [&](std::string_view name) { return printable(value_of(fields, name)); };
    const auto number = [&](std::string_view name) { return number_in(fields, name); };
    TopSession session{std::string{line}, text("id"),        text("user"),    text("address"),
                       text("state"),     text("command"),   text("program"), number("sent"),
                       number("size"),    number("backlog"), number("age"),   number("idle")};
    session.tls = !value_of(fields, "tls").empty();
    if (const auto before = sent_.find(session.id); before != sent_.end() && now > before->second.at) {
        // If it is less than before, a new reply has begun.
        const double grown = session.sent - (session.sent >= before->second.sent ? before->second.sent : 0);
        session.rate = grown / (now - before->second.at);
    }
    seen[session.id] = {now, session.sent};
    return session;
}

void TopData::take_sessions(double now, const Reply& reply) {
    sessions_.clear();
    sessions_trouble_ = reply.ok ? "" : printable(reply.status);
    std::map<std::string, Seen> seen;
    for (const std::string& line : reply.lines) sessions_.push_back(read_session(now, line, seen));
    sent_ = std::move(seen); // sessions that have ended are forgotten
}

void TopData::sort(TopOrder order) {
    // The id is the last criterion, so that rows do not jump.
    std::sort(sessions_.begin(), sessions_.end(), [order](const TopSession& a, const TopSession& b) {
        if (order == TopOrder::user && a.user != b.user) return a.user < b.user;
        if (order == TopOrder::age && a.age != b.age) return a.age > b.age;
        if (order == TopOrder::load) {
            if (a.rate != b.rate) return a.rate > b.rate;
            if (a.backlog != b.backlog) return a.backlog > b.backlog;
            if (TopSession::has(a.command) != TopSession::has(b.command)) return TopSession::has(a.command);
        }
        return a.id.size() != b.id.size() ? a.id.size() < b.id.size() : a.id < b.id;
    });
}

void TopData::take_event(std::string_view line) {
    const std::vector<Field> fields = event_fields(line);
    std::deque<std::string>& list = value_of(fields, "type") == "login" ? logins_ : refusals_;
    list.push_front(event_text(fields));
    if (list.size() > max_lines) list.pop_back();
}

double TopData::metric(std::string_view name) const {
    const auto found = metrics_.find(name);
    return found == metrics_.end() ? 0 : found->second;
}

double TopData::sum(std::string_view prefix) const {
    double all = 0;
    for (auto one = metrics_.lower_bound(prefix); one != metrics_.end() && one->first.starts_with(prefix); ++one)
        all += one->second;
    return all;
}

std::string_view TopData::info(std::string_view name) const {
    const auto found = info_.find(name);
    return found == info_.end() ? std::string_view{} : std::string_view{found->second};
}

} // namespace buzon::client
