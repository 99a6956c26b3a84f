// top/top_data.h - what top knows of a server: the replies to its questions, taken apart. Knows no terminal and no
// clock.
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

    // It runs a command, but no program for it: it waits for a worker, or for its client to read.
    [[nodiscard]] bool waits() const { return has(command) && !has(program); }
    [[nodiscard]] static bool has(std::string_view word) { return !word.empty() && word != "-"; }
};

// A transformation's program, or chain, since the server's start.
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
    // What is asked for in each round.
    static constexpr std::array<std::string_view, 5> questions = {"METR", "METR *", "SESS", "INFO *", "WHYY *"};
    // And once, for the time before: what to ask about the metrics that METR * has named.
    [[nodiscard]] std::vector<std::string> past_questions() const;

    // A reply to one of these. `now` is a steady clock in seconds, `clock` seconds since 1970.
    void take(std::string_view question, double now, double clock, const Reply& reply);
    void take_event(std::string_view line);

    void sort(TopOrder order);

    // Zero and "" if the server did not say.
    [[nodiscard]] double metric(std::string_view name) const;
    [[nodiscard]] bool has_metric(std::string_view name) const { return metrics_.find(name) != metrics_.end(); }
    // The sum of all metrics whose names begin so, and its growth per second.
    [[nodiscard]] double sum(std::string_view prefix) const;
    [[nodiscard]] std::string_view info(std::string_view name) const;
    [[nodiscard]] const std::map<std::string, double, std::less<>>& metrics() const noexcept { return metrics_; }

    enum Rate { messages, octets, logins, refusals, jobs };
    [[nodiscard]] const Trend& trend(Rate which) const { return trends_[which]; }
    // What went wrong or was refused between the last two looks, by cause and a second; the most frequent first.
    struct Failing {
        std::string cause; // the name of the metric
        double rate = 0;
    };
    [[nodiscard]] const std::vector<Failing>& failing() const noexcept { return failing_; }
    [[nodiscard]] const std::vector<TopSession>& sessions() const noexcept { return sessions_; }
    [[nodiscard]] const std::string& sessions_trouble() const noexcept { return sessions_trouble_; }
    // The busiest first.
    [[nodiscard]] const std::vector<TopProgram>& programs() const noexcept { return programs_; }
    // Who guesses: "ip 203.0.113.9 (24)", or who is guessed at: "user ana (133)", with their failures since.
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
    double metrics_at_ = 0; // when
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
