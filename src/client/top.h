// client/top.h - the contents of the live view: the server's replies in, screen rows out. Knows no terminal, no
// socket and no clock.
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

#include "reply.h"
#include "text.h"

namespace buzon::client {

// The recent values of a counter or gauge, in buckets of some seconds.
class Trend {
public:
    static constexpr double bucket_seconds = 3;

    // Adds a counter's value; its growth per second is kept. A counter that decreased has restarted.
    void add_counter(double now, double value);
    void add_gauge(double now, double value);

    // Growth per second between the last two values; for a gauge the value itself.
    [[nodiscard]] double current() const noexcept { return current_; }
    // Oldest first, one per bucket, at most `count`.
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
        std::string text;     // exactly as wide as requested
        bool inverse = false; // a heading
    };

    explicit TopView(std::string server, Charset charset = Charset::utf8)
        : server_{std::move(server)}, charset_{charset} {}

    // `now` is a steady clock in seconds. A refusal is shown in place of the data.
    void take_numbers(double now, const Reply& metr);
    void take_metrics(const Reply& all_metrics);
    void take_sessions(double now, const Reply& sessions);
    void take_event(std::string_view line);
    void set_events_trouble(std::string why) { events_trouble_ = std::move(why); }

    void next_order();
    // By rows; the view limits it to the list.
    void scroll(long rows);

    // `clock` is seconds since 1970. At most the requested rows, each exactly as wide as requested.
    [[nodiscard]] std::vector<Row> frame(std::size_t rows, std::size_t columns, std::int64_t clock);

private:
    struct Session {
        std::string id, user, address, state, command, program;
        double sent = 0, size = 0, backlog = 0, age = 0;
        double rate = 0; // octets per second since the last poll
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
    void add_logins(std::vector<Row>& rows, std::size_t height, std::size_t columns) const;

    std::string server_;
    Charset charset_;
    std::array<Trend, 4> trends_; // messages, octets, logins, online
    std::map<std::string, double, std::less<>> metrics_;
    std::vector<Session> sessions_;
    std::map<std::string, Seen> sent_;
    std::string sessions_trouble_, events_trouble_;
    std::deque<std::string> logins_; // newest first
    Order order_ = Order::load;
    std::size_t first_ = 0; // session at the top of the list
};

} // namespace buzon::client
