// client/top.h - what the live view shows: the server's replies in, a screenful of rows out. Pure: knows no terminal,
// no socket and no clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/client/reply.h"
#include "buzon/client/text.h"

namespace buzon::client {

// How a counter or gauge went during the last minutes, in buckets of some seconds.
class Trend {
public:
    static constexpr double bucket_seconds = 3;

    // A counter's value: what is kept is its growth a second. A counter that went back began anew.
    void add_counter(double now, double value);
    void add_gauge(double now, double value);

    // Growth a second between the last two looks; the value itself for a gauge.
    [[nodiscard]] double current() const noexcept { return current_; }
    // Oldest first, one for each bucket, at most `count`.
    [[nodiscard]] std::vector<double> last(std::size_t count) const;

private:
    void put(double now, double value);

    struct Bucket {
        std::int64_t number;
        double sum;
        std::size_t values;
    };
    std::deque<Bucket> buckets_;
    std::optional<double> seen_, seen_at_;
    double current_ = 0;
};

class TopView {
public:
    enum class Order { load, age, user };

    struct Row {
        std::string text;     // exactly as wide as asked for
        bool inverse = false; // a heading
    };

    explicit TopView(std::string server, Charset charset = Charset::utf8)
        : server_{std::move(server)}, charset_{charset} {}

    // `now` is a steady clock in seconds. A refusal is shown where the data would be.
    void take_numbers(double now, const Reply& metr);
    void take_metrics(const Reply& all_metrics);
    void take_sessions(double now, const Reply& sessions);
    void take_event(std::string_view line);
    void set_events_trouble(std::string why) { events_trouble_ = std::move(why); }

    void next_order();
    // By rows; the view itself keeps it within what there is.
    void scroll(long rows);

    // `clock` is seconds since 1970. Never more rows than asked for, each as wide as asked for.
    [[nodiscard]] std::vector<Row> frame(std::size_t rows, std::size_t columns, std::int64_t clock);

private:
    struct Session {
        std::string id, user, address, state, command, program;
        double sent = 0, size = 0, backlog = 0, age = 0;
        double rate = 0; // octets a second since the last look
    };

    struct Seen {
        double at, sent;
    };

    [[nodiscard]] Session read_session(double now, std::string_view line, std::map<std::string, Seen>& seen) const;
    void sort();
    [[nodiscard]] double metric(std::string_view name) const;
    [[nodiscard]] std::string head_line(std::int64_t clock) const;
    [[nodiscard]] std::string health_line() const;
    [[nodiscard]] std::string filter_line() const;
    [[nodiscard]] std::string session_line(const Session& session, std::size_t columns) const;
    void add_trends(std::vector<Row>& rows, std::size_t columns) const;
    void add_sessions(std::vector<Row>& rows, std::size_t height, std::size_t columns);
    void add_log_ins(std::vector<Row>& rows, std::size_t height, std::size_t columns) const;

    std::string server_;
    Charset charset_;
    std::array<Trend, 4> trends_; // messages, octets, log-ins, online
    std::map<std::string, double, std::less<>> metrics_;
    std::vector<Session> sessions_;
    std::map<std::string, Seen> sent_;
    std::string sessions_trouble_, events_trouble_;
    std::deque<std::string> log_ins_; // newest first
    Order order_ = Order::load;
    std::size_t first_ = 0; // session at the top of the list
};

} // namespace buzon::client
