// bench/load/visit.cpp - sessions that log in, look and leave (scenario.h).
#include <algorithm>

#include "load/scenario.h"

namespace bench {
namespace {

class Visiting final : public Customer {
public:
    Visiting(Loop& loop, const Place& place, const Users& users, const Visit& visit, const Limits& limits,
             Result& result)
        : loop_{&loop}, place_{place}, users_{&users}, visit_{&visit}, limits_{limits}, result_{&result} {}

    void begin(std::size_t at_once) {
        end_ = Loop::now() + static_cast<std::uint64_t>(limits_.seconds * 1e9);
        active_ = at_once;
        places_.resize(at_once);
        for (std::size_t i = 0; i < at_once; ++i) come(connections_.emplace_back(*loop_, *this, i));
    }

    [[nodiscard]] std::size_t active() const noexcept { return active_; }

    [[nodiscard]] std::uint64_t octets() const noexcept {
        std::uint64_t sum = 0;
        for (const Connection& connection : connections_) sum += connection.received();
        return sum;
    }

private:
    struct Seat {
        std::size_t user = 0;
        std::size_t message = 0; // retrieved so far
    };
    enum Step : int { logged_in = 3, looked, leaving };

    void come(Connection& connection) {
        Seat& seat = places_[connection.number()];
        seat = {visit_->other_user_each_time ? begun_ : connection.number(), 0};
        ++begun_;
        connection.open(place_);
        connection.expect({});
    }

    void answered(Connection& connection) override {
        Seat& seat = places_[connection.number()];
        if (connection.step < logged_in) {
            if (!go_on_logging_in(connection, *users_, seat.user)) return;
            const bool known = !visit_->stat_reply.empty();
            connection.ask("STAT\r\n", {.status = !known, .body = visit_->stat_reply});
            return;
        }
        const std::uint64_t now = Loop::now();
        if (connection.step == logged_in) {
            result_->logins.add(now - connection.began);
            connection.step = looked;
        } else if (connection.step == looked) { // that was a message
            result_->times.add(now - connection.asked_at());
            ++result_->units;
            ++seat.message;
        } else {
            connection.expect_end();
            return;
        }
        go_on(connection, seat);
    }

    void go_on(Connection& connection, const Seat& seat) {
        if (seat.message < visit_->messages.size()) {
            connection.ask("RETR " + std::to_string(seat.message + 1) + "\r\n",
                           {.body = visit_->messages[seat.message]});
        } else {
            connection.step = leaving;
            connection.ask("QUIT\r\n", {});
        }
    }

    void ended(Connection& connection, const std::string& trouble) override {
        if (!trouble.empty()) {
            result_->errors.add(trouble);
            ++failed_;
        } else if (visit_->messages.empty()) {
            result_->times.add(Loop::now() - connection.began);
            ++result_->units;
        }
        const std::uint64_t limit = visit_->messages.empty() ? limits_.count : limits_.count / visit_->messages.size();
        if (begun_ < limit && Loop::now() < end_ && failed_ < failures_allowed)
            come(connection);
        else if (--active_ == 0)
            loop_->stop();
    }

    static constexpr std::uint64_t failures_allowed = 100;

    Loop* loop_;
    Place place_;
    const Users* users_;
    const Visit* visit_;
    Limits limits_;
    Result* result_;
    std::deque<Connection> connections_;
    std::vector<Seat> places_; // by connection
    std::uint64_t end_ = 0, begun_ = 0, failed_ = 0;
    std::size_t active_ = 0;
};

} // namespace

void visit_on(Loop& loop, const Place& place, const Users& users, const Visit& visit, std::size_t at_once,
              const Limits& limits, Meter& meter, Result& result) {
    Visiting visiting{loop, place, users, visit, limits, result};
    meter.begin();
    visiting.begin(std::min<std::size_t>(at_once, limits.count));
    if (!loop.run(limits.seconds + limits.patience)) {
        result.errors.add(std::to_string(visiting.active()) + " sessions wait in vain");
    }
    meter.end();
    result.octets = visiting.octets();
}

} // namespace bench
