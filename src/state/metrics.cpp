// state/metrics.cpp - the table of metrics, and its flattened form.
#include "buzon/state/metrics.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "buzon/state/event.h"

namespace buzon::state {
namespace {

// Command names in lower case.
constexpr auto lower_command_names = [] {
    std::array<std::array<char, 8>, pop3_command_count> names{};
    for (std::size_t i = 0; i < names.size(); ++i) {
        for (std::size_t j = 0; j < pop3_command_names[i].size(); ++j) {
            const char c = pop3_command_names[i][j];
            names[i][j] = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
    }
    return names;
}();
constexpr auto command_names = [] {
    std::array<std::string_view, pop3_command_count> names{};
    for (std::size_t i = 0; i < names.size(); ++i)
        names[i] = {lower_command_names[i].data(), pop3_command_names[i].size()};
    return names;
}();

constexpr MetricLabels login_labels{"mechanism", mechanism_names, "result", login_result_names};
constexpr MetricLabels command_labels{"command", command_names, "result", command_result_names};
constexpr MetricLabels refusal_labels{"reason", refused_names, "", {}};
constexpr MetricLabels failure_labels{"cause", filter_failure_names, "", {}};

using M = Metrics;

constexpr MetricField counter(std::string_view name, std::string_view prometheus, std::string_view help,
                              Count M::*value, std::string_view unit = "") {
    return {name, prometheus, help, unit, MetricKind::counter, value, nullptr, nullptr, nullptr};
}
constexpr MetricField gauge(std::string_view name, std::string_view prometheus, std::string_view help, Count M::*value,
                            std::string_view unit = "") {
    return {name, prometheus, help, unit, MetricKind::gauge, value, nullptr, nullptr, nullptr};
}
constexpr MetricField timing(std::string_view name, std::string_view prometheus, std::string_view help,
                             Histogram M::*histogram) {
    return {name, prometheus, help, "microseconds", MetricKind::histogram, nullptr, histogram, nullptr, nullptr};
}
template <auto Member>
constexpr MetricField family(std::string_view name, std::string_view prometheus, std::string_view help,
                             const MetricLabels& labels) {
    return {name,
            prometheus,
            help,
            "",
            MetricKind::counter,
            nullptr,
            nullptr,
            [](const M& metrics) { return std::span<const Count>{metrics.*Member}; },
            &labels};
}

constexpr MetricField fields[] = {
    counter("messages", "buzon_messages_retrieved_total", "Messages retrieved whole by RETR.", &M::messages),
    counter("bytes", "buzon_pop3_sent_bytes_total", "Octets sent on POP3 connections.", &M::bytes, "octets"),
    gauge("online", "buzon_users_online", "Users logged in now.", &M::online),
    counter("historic", "buzon_logins_succeeded_total", "Successful logins.", &M::historic),
    counter("guessing", "buzon_guessing_total",
            "Sources that tried many users within a day, and users tried by many sources.", &M::guessing),
    gauge("guessers", "buzon_guessers",
          "Guessing sources and guessed users that were active within the last day (WHYY *).", &M::guessers),
    counter("logins-cleartext", "buzon_logins_cleartext_total",
            "Successful logins by PASS, PLAIN or LOGIN that came over the network without TLS.", &M::logins_cleartext),

    counter("connections", "buzon_connections_total", "POP3 connections accepted.", &M::connections),
    counter("connections-refused", "buzon_connections_refused_total", "POP3 connections turned away by a limit.",
            &M::connections_refused),
    gauge("connections-open", "buzon_connections_open", "POP3 connections now.", &M::connections_open),
    gauge("managers-open", "buzon_management_connections_open", "Management connections now.", &M::managers_open),
    family<&M::logins>("logins", "buzon_logins_total", "Logins by mechanism and result.", login_labels),
    family<&M::refusals>("refusals", "buzon_refusals_total", "Connections and logins turned away, by reason.",
                         refusal_labels),
    family<&M::commands>("commands", "buzon_commands_total", "POP3 commands by name and result.", command_labels),

    counter("retr-bytes", "buzon_retrieved_bytes_total", "Octets of messages sent by RETR.", &M::retr_bytes, "octets"),
    counter("top-replies", "buzon_top_replies_total", "Replies to TOP sent whole.", &M::top_replies),
    counter("top-bytes", "buzon_top_bytes_total", "Octets of messages sent by TOP.", &M::top_bytes, "octets"),
    counter("deletions", "buzon_deletions_total", "Messages removed by QUIT.", &M::deletions),
    counter("deletions-failed", "buzon_deletions_failed_total", "Messages that QUIT could not remove.",
            &M::deletions_failed),
    counter("autologouts", "buzon_autologouts_total", "Sessions ended by the autologout timer.", &M::autologouts),
    counter("kicks", "buzon_kicks_total", "Sessions ended by a manager.", &M::kicks),

    gauge("filters-running", "buzon_filters_running", "Transformation programs running now.", &M::filters_running),
    gauge("filters-queued", "buzon_filters_queued", "Messages waiting for their transformation to start.",
          &M::filters_queued),
    counter("filters-started", "buzon_filters_started_total", "Transformation programs started.", &M::filters_started),
    counter("filters-restarted", "buzon_filters_restarted_total", "Restarts of long-running programs after a failure.",
            &M::filters_restarted),
    counter("filters-same", "buzon_filters_same_total", "Messages that their transformation left as they were.",
            &M::filters_same),
    family<&M::filter_failures>("filter-failures", "buzon_filter_failures_total", "Failed transformations by cause.",
                                failure_labels),
    counter("filter-bytes-in", "buzon_filter_input_bytes_total", "Octets given to transformation programs.",
            &M::filter_bytes_in, "octets"),
    counter("filter-bytes-out", "buzon_filter_output_bytes_total", "Octets read from transformation programs.",
            &M::filter_bytes_out, "octets"),

    timing("login-time", "buzon_login_duration_seconds", "From receiving the password to the reply.", &M::login_time),
    timing("scan-time", "buzon_scan_duration_seconds", "Reading a maildrop at login.", &M::scan_time),
    timing("retr-time", "buzon_retrieval_duration_seconds", "From RETR to the last octet of the message.",
           &M::retr_time),
    timing("filter-time", "buzon_filter_duration_seconds", "From the start of a transformation program to its end.",
           &M::filter_time),
    timing("loop-lag", "buzon_event_loop_lag_seconds", "Time between two polls of the event loop.", &M::loop_lag),

    counter("worker-jobs", "buzon_worker_jobs_total", "Jobs given to worker processes.", &M::worker_jobs),
    gauge("workers-busy", "buzon_worker_jobs_pending", "Worker jobs that are waiting or running.", &M::workers_busy),
    counter("worker-failures", "buzon_worker_failures_total", "Worker processes that died.", &M::worker_failures),
    counter("sandbox-denials", "buzon_sandbox_denials_total",
            "System calls that the server's own processes were denied.", &M::sandbox_denials),
    counter("out-of-memory", "buzon_out_of_memory_total", "Work abandoned because memory ran out.", &M::out_of_memory),
    counter("log-lines-lost", "buzon_log_lines_lost_total", "Log lines lost: reader too slow or gone, or disk full.",
            &M::log_lines_lost),
    gauge("loop-busy", "buzon_event_loop_busy_percent",
          "Share of the last 60 seconds in which the event loop was busy.", &M::loop_busy, "percent"),
    counter("process-cpu-seconds", "buzon_process_cpu_seconds_total", "CPU time of the server's own process.",
            &M::cpu_seconds, "seconds"),
    gauge("memory", "buzon_resident_memory_bytes", "Resident memory.", &M::memory, "octets"),
    gauge("descriptors", "buzon_open_descriptors", "Open file descriptors.", &M::descriptors),
    gauge("start-time", "buzon_start_time_seconds", "Start of the server, in seconds since 1970.", &M::start_time,
          "seconds"),
};

// The counters of each program or chain.
struct ProgramField {
    std::string_view prefix; // of the name
    std::string_view unit;
    std::string_view meaning;
    Count ProgramCounts::*value;
};
constexpr ProgramField program_fields[] = {
    {"filter-same:", "", "Messages that were left as they were", &ProgramCounts::same},
    {"filter-changed:", "", "Messages that were changed", &ProgramCounts::changed},
    {"filter-failed:", "", "Messages that could not be transformed", &ProgramCounts::failed},
    {"filter-microseconds:", "microseconds", "Time from the start to the end of all messages",
     &ProgramCounts::microseconds},
    {"filter-restarts:", "", "Restarts of a long-running program after a failure", &ProgramCounts::restarts}};

struct Percentile {
    std::string_view suffix;
    unsigned percent;
};
constexpr Percentile percentiles[] = {{"-p50", 50}, {"-p99", 99}};

// Visits the series of a row: (two suffixes of the name, gauge or not, value).
template <class Visit>
void each_series(const MetricField& field, const Metrics& metrics, Visit visit) {
    if (field.histogram != nullptr) {
        const Histogram& h = metrics.*field.histogram;
        visit("-count", "", false, h.count());
        visit("-sum", "", false, h.sum());
        for (const Percentile& one : percentiles) visit(one.suffix, "", true, h.percentile(one.percent));
    } else if (field.cells != nullptr) {
        const std::span<const Count> cells = field.cells(metrics);
        const std::size_t columns = std::max<std::size_t>(field.labels->second_values.size(), 1);
        for (std::size_t i = 0; i < cells.size(); ++i) {
            const std::string_view second =
                field.labels->second_values.empty() ? std::string_view{} : field.labels->second_values[i % columns];
            visit(field.labels->first_values[i / columns], second, false, cells[i]);
        }
    } else {
        visit("", "", field.kind == MetricKind::gauge, metrics.*field.value);
    }
}

std::string unit_of(const MetricField& field, std::string_view suffix) {
    return suffix == "-count" ? std::string{} : std::string{field.unit};
}

// "Logins by mechanism and result: mechanism plain, result ok."
std::string meaning_of(const MetricField& field, std::string_view first, std::string_view second) {
    std::string text{field.help.substr(0, field.help.find_last_not_of('.') + 1)};
    if (field.histogram != nullptr) {
        if (first == "-count") return text + ": how many since the start.";
        if (first == "-sum") return text + ": the sum since the start.";
        return text.append(": ").append(first.substr(2)) + " percent of those in the last 60 seconds took no longer.";
    }
    if (field.labels == nullptr) return text + '.';
    text.append(": ").append(field.labels->first).append(" ").append(first);
    if (!second.empty()) text.append(", ").append(field.labels->second).append(" ").append(second);
    return text + '.';
}

} // namespace

Count Histogram::count() const noexcept {
    return std::accumulate(buckets_.begin(), buckets_.end(), Count{0});
}

void Histogram::mark(Count second) noexcept {
    if (count_ > 0 && second <= mark_at(count_ - 1).second) return;
    // Keep as the first mark the latest one that is at least a minute old. The durations since then are those of the
    // last minute.
    while (count_ > 1 && second - std::min(second, mark_at(1).second) >= recent_seconds) {
        first_ = (first_ + 1) % marks_.size();
        --count_;
    }
    marks_[(first_ + count_++) % marks_.size()] = {second, buckets_};
}

Count Histogram::percentile(unsigned percent) const noexcept {
    Buckets recent = buckets_;
    const bool minute_passed = count_ > 0 && mark_at(count_ - 1).second - mark_at(0).second >= recent_seconds;
    for (std::size_t i = 0; minute_passed && i < recent.size(); ++i) recent[i] -= mark_at(0).buckets[i];
    return percentile_of(recent, percent);
}

Count percentile_of(std::span<const Count> buckets, unsigned percent) noexcept {
    const Count all = std::accumulate(buckets.begin(), buckets.end(), Count{0});
    if (all == 0) return 0;
    // Rounded up without multiplying `all` by 100, which could overflow.
    const Count rank = all / 100 * percent + (all % 100 * percent + 99) / 100;
    Count seen = 0;
    for (std::size_t i = 0; i < std::min(buckets.size(), Histogram::bounds.size()); ++i) {
        seen += buckets[i];
        if (seen >= rank) return Histogram::bounds[i];
    }
    return Histogram::bounds.back();
}

ProgramCounts& Metrics::counts_of(std::string_view program) {
    std::string name;
    append_word(program, name);
    const auto found =
        std::find_if(programs.begin(), programs.end(), [&](const auto& one) { return one.name == name; });
    if (found != programs.end()) return *found;
    if (programs.size() == max_programs) return programs.back();
    ProgramCounts& added = programs.emplace_back();
    added.name = programs.size() == max_programs ? "other" : std::move(name);
    return added;
}

std::vector<ProgramSeries> program_series(const Metrics& metrics) {
    std::vector<ProgramSeries> series;
    for (const ProgramCounts& one : metrics.programs) {
        for (const ProgramField& field : program_fields) {
            std::string meaning{field.meaning};
            meaning.append(": program ").append(one.name) += '.';
            series.push_back(
                {{std::string{field.prefix} + one.name, false, std::string{field.unit}, std::move(meaning)},
                 one.*field.value});
        }
    }
    return series;
}

void mark_second(Metrics& metrics, Count second) noexcept {
    for (const MetricField& field : fields)
        if (field.histogram != nullptr) (metrics.*field.histogram).mark(second);
}

std::span<const MetricField> metric_fields() noexcept {
    return fields;
}

const std::vector<MetricSeries>& metric_series() {
    static const std::vector<MetricSeries> all = [] {
        std::vector<MetricSeries> series;
        const Metrics none;
        for (const MetricField& field : fields) {
            each_series(field, none, [&](std::string_view first, std::string_view second, bool is_gauge, Count) {
                std::string name{field.name};
                if (!first.empty() && first.front() != '-') name += '-';
                name += first;
                if (!second.empty()) name.append("-").append(second);
                series.push_back({std::move(name), is_gauge, unit_of(field, first), meaning_of(field, first, second)});
            });
        }
        return series;
    }();
    return all;
}

void read_series(const Metrics& metrics, std::vector<Count>& values) {
    values.clear();
    for (const MetricField& field : fields)
        each_series(field, metrics,
                    [&](std::string_view, std::string_view, bool, Count value) { values.push_back(value); });
}

const std::vector<MetricSeries>& history_series() {
    static const std::vector<MetricSeries> all = [] {
        std::vector<MetricSeries> series = metric_series();
        const auto named = [&](const std::string& name) {
            return std::find_if(series.begin(), series.end(), [&](const auto& one) { return one.name == name; });
        };
        for (const MetricField& field : fields) {
            if (field.histogram == nullptr) continue;
            const std::string name{field.name};
            for (const Percentile& one : percentiles) {
                const auto found = named(name + std::string{one.suffix});
                found->percent = one.percent;
                found->buckets = series.size();
            }
            for (const Count bound : Histogram::bounds) series.push_back({name + " up to " + std::to_string(bound)});
            series.push_back({name + " beyond"});
        }
        return series;
    }();
    return all;
}

void read_history(const Metrics& metrics, std::vector<Count>& values) {
    read_series(metrics, values);
    for (const MetricField& field : fields) {
        if (field.histogram == nullptr) continue;
        const std::span<const Count> buckets = (metrics.*field.histogram).buckets();
        values.insert(values.end(), buckets.begin(), buckets.end());
    }
}

} // namespace buzon::state
