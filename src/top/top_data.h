// top/top_data.h - what top knows about a server: the parsed replies to its questions. Knows no terminal and no clock.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/talk/reply.h"
#include "trend.h"

namespace buzon::client {

// One session; the words are those of SESS.
struct TopSession {
    std::string line; // as the server sent it
    std::string id, user, address, state, command, program;
    double sent = 0, size = 0, backlog = 0, age = 0, idle = 0;
    double rate = 0; // octets per second since the last poll
    bool tls = false;

    // It runs a command but no program, so it waits for a worker, or for its client to read.
    [[nodiscard]] bool waits() const { return has(command) && !has(program); }
    [[nodiscard]] static bool has(std::string_view word) { return !word.empty() && word != "-"; }
};

// A transformation's program, or chain of programs. Counts are since the server's start.
struct TopProgram {
    std::string name;
    double same = 0, changed = 0, failed = 0; // messages
    double microseconds = 0, restarts = 0;
    double rate = 0; // messages per second since the last poll

    [[nodiscard]] double messages() const { return same + changed + failed; }
};

enum class TopOrder { load, age, user };

class TopData {
public:
    // The commands sent in each round.
    static constexpr std::array<std::string_view, 5> questions = {"METR", "METR *", "SESS", "INFO *", "WHYY *"};
    // The commands sent once, to learn the past of the metrics that METR * has named.
    [[nodiscard]] std::vector<std::string> past_questions() const;

    // Takes the reply to one of these. `now` is a steady clock in seconds, `clock` is seconds since 1970.
    void take(std::string_view question, double now, double clock, const Reply& reply);
    void take_event(std::string_view line);

    void sort(TopOrder order);

    // Values that the server did not send are 0 or "".
    [[nodiscard]] double metric(std::string_view name) const;
    [[nodiscard]] bool has_metric(std::string_view name) const { return metrics_.find(name) != metrics_.end(); }
    // The sum of all metrics whose names begin with `prefix`.
    [[nodiscard]] double sum(std::string_view prefix) const;
    [[nodiscard]] std::string_view info(std::string_view name) const;
    [[nodiscard]] const std::map<std::string, double, std::less<>>& metrics() const noexcept { return metrics_; }

    enum Rate { messages, octets, logins, refusals, jobs };
    [[nodiscard]] const Trend& trend(Rate which) const { return trends_[which]; }
    // Failures and refusals per second between the last two rounds, by cause; the most frequent first.
    struct Failing {
        std::string cause; // the name of the metric
        double rate = 0;
    };
    [[nodiscard]] const std::vector<Failing>& failing() const noexcept { return failing_; }
    [[nodiscard]] const std::vector<TopSession>& sessions() const noexcept { return sessions_; }
    [[nodiscard]] const std::string& sessions_trouble() const noexcept { return sessions_trouble_; }
    // The busiest first.
    [[nodiscard]] const std::vector<TopProgram>& programs() const noexcept { return programs_; }
    // Who guesses passwords, "ip 203.0.113.9 (24)", or whose password is guessed, "user ana (133)", with the number of
    // failures; the latest first.
    [[nodiscard]] const std::vector<std::string>& guessers() const noexcept { return guessers_; }
    // Newest first.
    [[nodiscard]] const std::deque<std::string>& logins_seen() const noexcept { return logins_; }
    [[nodiscard]] const std::deque<std::string>& refusals_seen() const noexcept { return refusals_; }

private:
    struct Seen {
        double at, sent;
    };
    void take_metrics(double now, const Reply& reply);
    void compare(double seconds, const std::map<std::string, double, std::less<>>& before);
    void take_programs(double now);
    void take_sessions(double now, const Reply& reply);
    void take_guessers(const Reply& reply);
    void take_past(Rate which, double now, double clock, const Reply& reply);
    [[nodiscard]] TopSession read_session(double now, std::string_view line, std::map<std::string, Seen>& seen) const;

    std::array<Trend, 5> trends_;
    std::map<std::string, double, std::less<>> metrics_;
    double metrics_at_ = 0; // when they were taken
    std::vector<Failing> failing_;
    std::map<std::string, std::string, std::less<>> info_;
    std::vector<TopSession> sessions_;
    std::map<std::string, Seen> sent_;
    std::string sessions_trouble_;
    std::vector<TopProgram> programs_;
    double programs_at_ = 0;
    std::vector<std::string> guessers_;
    std::deque<std::string> logins_, refusals_;
};

} // namespace buzon::client
