// state/metrics.h - all metrics of the server. Does not read the clock, and has no text format.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/state/pop3_command.h"

namespace buzon::state {

// Counters only grow; gauges go up and down. Both are plain numbers, so counting is one addition.
using Count = std::uint64_t;

// Durations in microseconds, in fixed buckets: all since the start, and those of the last minute. mark() passes in the
// time. Memory is bounded.
class Histogram {
public:
    // Upper bounds, inclusive, in microseconds; one more bucket is for anything longer.
    static constexpr std::array<Count, 18> bounds = {
        100,     250,     500,     1'000,     2'500,     5'000,     10'000,     25'000,     50'000,
        100'000, 250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 30'000'000, 60'000'000};

    void observe(Count microseconds) noexcept {
        std::size_t bucket = 0;
        while (bucket < bounds.size() && bounds[bucket] < microseconds) ++bucket;
        ++buckets_[bucket];
        sum_ += microseconds;
    }
    [[nodiscard]] std::span<const Count> buckets() const noexcept { return buckets_; } // bounds.size() + 1 of them
    [[nodiscard]] Count sum() const noexcept { return sum_; }
    [[nodiscard]] Count count() const noexcept;

    static constexpr Count recent_seconds = 60;
    // Passes in the current second of a monotonic clock. Call it every second, and before a query.
    void mark(Count second) noexcept;
    // Of the durations observed in the 60 seconds before the latest mark, give or take a second.
    [[nodiscard]] Count percentile(unsigned percent) const noexcept;

private:
    using Buckets = std::array<Count, bounds.size() + 1>;
    struct Mark {
        Count second = 0;
        Buckets buckets{}; // the contents when that second began
    };
    [[nodiscard]] const Mark& mark_at(std::size_t place) const noexcept {
        return marks_[(first_ + place) % marks_.size()];
    }

    Buckets buckets_{};
    Count sum_ = 0;
    std::array<Mark, recent_seconds + 2> marks_{}; // a ring: one before the last minute, and one per second of it
    std::size_t first_ = 0, count_ = 0;
};

// The smallest bound that `percent` percent of a histogram's durations do not exceed; the last bound if they are
// longer, 0 if there are none.
[[nodiscard]] Count percentile_of(std::span<const Count> buckets, unsigned percent) noexcept;

enum class Mechanism : std::uint8_t { user, apop, plain, login, scram_sha_256, cram_md5, oauth };
// wrong: the secret or the name; busy: the maildrop is locked; throttled: must try later; failed: a server error.
enum class LoginResult : std::uint8_t { ok, wrong, busy, throttled, failed };
enum class CommandResult : std::uint8_t { ok, error };
// start: could not be executed; exit: exit code other than 0; signal: killed; timeout: no progress; queue: waited too
// long for its turn; io: its pipes failed; answer: a `process:` program answered "fail"; protocol: its answer was
// invalid or incomplete.
enum class FilterFailure : std::uint8_t { start, exit, signal, timeout, queue, io, answer, protocol };

// Why a connection or login was turned away; the first five are auth-fail events, the others refused.
enum class Refused : std::uint8_t {
    wrong_secret,
    unknown_user,
    locked_account,
    nologin,
    allow_nets,
    require_tls,
    throttled,
    in_use,
    login_delay,
    max_per_user,
    check_failed, // the secret could not be checked
    maildrop,     // the secret was right, but the maildrop or its root cannot be used
    uidl_breaker,
    max_connections,
    max_per_ip,
    displaced, // by a new connection when the table was full
    proxy_header,
    login_timeout
};
inline constexpr std::array<std::string_view, 18> refused_names = {
    "wrong-secret", "unknown-user",    "locked-account", "nologin",      "allow-nets",   "require-tls",
    "throttled",    "in-use",          "login-delay",    "max-per-user", "check-failed", "maildrop",
    "uidl-breaker", "max-connections", "max-per-ip",     "displaced",    "proxy-header", "login-timeout"};
static_assert(static_cast<std::size_t>(Refused::login_timeout) + 1 == refused_names.size());
[[nodiscard]] constexpr std::string_view name_of(Refused reason) noexcept {
    return refused_names[static_cast<std::size_t>(reason)];
}

inline constexpr std::array<std::string_view, 7> mechanism_names = {"user",          "apop",     "plain", "login",
                                                                    "scram-sha-256", "cram-md5", "oauth"};
inline constexpr std::array<std::string_view, 5> login_result_names = {"ok", "wrong", "busy", "throttled", "failed"};
inline constexpr std::array<std::string_view, 2> command_result_names = {"ok", "error"};
inline constexpr std::array<std::string_view, 8> filter_failure_names = {"start", "exit", "signal", "timeout",
                                                                         "queue", "io",   "answer", "protocol"};

// Counts the messages of one transformation.
struct ProgramCounts {
    std::string name; // the programs as one word, as in SESS
    Count same = 0;   // left as they were
    Count changed = 0;
    Count failed = 0;
    Count microseconds = 0; // from the start to the end, of all messages
    Count restarts = 0;     // of a `process:` program, after a failure
};

struct Metrics {
    // The four metrics of a bare METR.
    Count messages = 0; // RETR, counted once the last octet has been handed over
    Count bytes = 0;    // all octets sent on POP3 connections
    Count online = 0;   // gauge: users logged in now
    Count historic = 0; // successful logins
    Count logins_cleartext = 0;
    Count guessing = 0; // sources and users found by auth::Guessers
    Count guessers = 0; // gauge: those active in the last day

    Count connections = 0;         // accepted on the POP3 port
    Count connections_refused = 0; // turned away by a limit
    Count connections_open = 0;    // gauge
    Count managers_open = 0;       // gauge: management connections

    std::array<Count, mechanism_names.size() * login_result_names.size()> logins{};
    std::array<Count, refused_names.size()> refusals{};
    std::array<Count, pop3_command_count * command_result_names.size()> commands{};

    Count retr_bytes = 0;  // octets of messages sent by RETR, before dot-stuffing
    Count top_replies = 0; // replies to TOP sent whole
    Count top_bytes = 0;
    Count deletions = 0;
    Count deletions_failed = 0;
    Count autologouts = 0;
    Count kicks = 0;

    Count filters_running = 0; // gauge
    Count filters_queued = 0;  // gauge
    Count filters_started = 0;
    Count filters_restarted = 0;
    Count filters_same = 0;
    std::array<Count, filter_failure_names.size()> filter_failures{};
    Count filter_bytes_in = 0;
    Count filter_bytes_out = 0;

    Histogram login_time;  // from receiving the secret to the reply
    Histogram scan_time;   // of a maildrop at login
    Histogram retr_time;   // from RETR to its last octet
    Histogram filter_time; // from the start of a program to its end
    Histogram loop_lag;    // time between two polls of the event loop

    Count worker_jobs = 0;
    Count workers_busy = 0;    // gauge: jobs waiting or running
    Count worker_failures = 0; // worker processes that died
    Count sandbox_denials = 0; // system calls denied to our own processes
    Count out_of_memory = 0;   // turns of connections, timers and tasks that were abandoned
    Count log_lines_lost = 0;  // the log's reader was too slow or has gone, or the disk was full
    Count loop_busy = 0;       // gauge: percent of the last 60 seconds that the event loop did not wait
    Count cpu_seconds = 0;     // of the server's own process
    Count memory = 0;          // gauge: resident octets
    Count descriptors = 0;     // gauge
    Count start_time = 0;      // gauge: seconds since 1970

    void count_login(Mechanism by, LoginResult result) noexcept {
        ++logins[static_cast<std::size_t>(by) * login_result_names.size() + static_cast<std::size_t>(result)];
    }
    void count_command(Pop3Command command, CommandResult result) noexcept {
        ++commands[static_cast<std::size_t>(command) * command_result_names.size() + static_cast<std::size_t>(result)];
    }
    void count_refusal(Refused reason) noexcept { ++refusals[static_cast<std::size_t>(reason)]; }
    std::vector<ProgramCounts> programs; // in order of first use; the last of max_programs counts all others
    static constexpr std::size_t max_programs = 64;
    [[nodiscard]] ProgramCounts& counts_of(std::string_view program);

    void count_filter_failure(FilterFailure cause) noexcept { ++filter_failures[static_cast<std::size_t>(cause)]; }
};

enum class MetricKind : std::uint8_t { counter, gauge, histogram };

// The labels of a family of counters: one cell per pair, the second label varying fastest. A family with one label
// leaves the second empty.
struct MetricLabels {
    std::string_view first;
    std::span<const std::string_view> first_values;
    std::string_view second;
    std::span<const std::string_view> second_values;
};

// One row of the table: exactly one of value, histogram and cells is set.
struct MetricField {
    std::string_view name;       // in METR; members of a family append "-label", histograms "-count" and so on
    std::string_view prometheus; // with base unit and _total, by its conventions
    std::string_view help;
    std::string_view unit; // "" for plain counts
    MetricKind kind = MetricKind::counter;
    Count Metrics::*value = nullptr;
    Histogram Metrics::*histogram = nullptr;
    std::span<const Count> (*cells)(const Metrics&) = nullptr;
    const MetricLabels* labels = nullptr; // with cells
};

[[nodiscard]] std::span<const MetricField> metric_fields() noexcept;

// Calls Histogram::mark() for all histograms.
void mark_second(Metrics& metrics, Count second) noexcept;

// The table, flattened: what METR * lists, one number per name, always in this order.
struct MetricSeries {
    std::string name;
    bool gauge = false;
    std::string unit{};    // "" for plain counts
    std::string meaning{}; // one sentence, for METR ?
    // If not 0, in a history: the series stores no values; it is this percentile of the histogram whose buckets begin
    // at series number `buckets`.
    unsigned percent = 0;
    std::size_t buckets = 0;
};
[[nodiscard]] const std::vector<MetricSeries>& metric_series();
// The counters of each of Metrics::programs, with names such as "filter-same:/usr/bin/sed".
struct ProgramSeries {
    MetricSeries about;
    Count value = 0;
};
[[nodiscard]] std::vector<ProgramSeries> program_series(const Metrics& metrics);
// The current values, in the order of metric_series().
void read_series(const Metrics& metrics, std::vector<Count>& values);

// The same for HIST: metric_series(), followed by the buckets of the histograms, under names that clients cannot
// request.
[[nodiscard]] const std::vector<MetricSeries>& history_series();
void read_history(const Metrics& metrics, std::vector<Count>& values);

} // namespace buzon::state
