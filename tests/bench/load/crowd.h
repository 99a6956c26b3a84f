// bench/load/crowd.h - many sessions logged in at once, to ask questions, be idle or read slowly.
#pragma once

#include <deque>
#include <string>

#include "load/connection.h"
#include "load/report.h"

namespace bench {

struct Users {
    std::string prefix; // user k is called PREFIXk, from 1
    std::string password;

    [[nodiscard]] std::string login_name(std::size_t index) const { return prefix + std::to_string(index + 1); }
};

// The first steps of every session: greeting, USER, PASS. The connection's `step` counts them.
// True if this answer completes the login; otherwise sends the next command.
[[nodiscard]] bool go_on_logging_in(Connection& connection, const Users& users, std::size_t user);

class Crowd final : private Customer {
public:
    Crowd(Loop& loop, const Place& place, Users users) : loop_{&loop}, place_{place}, users_{std::move(users)} {}

    // Logs `size` users in, a limited number at a time. Throws std::runtime_error at the first refusal.
    void come(std::size_t size);
    // Sends QUIT on all open connections, and waits until they are closed.
    void leave();

    [[nodiscard]] std::deque<Connection>& members() noexcept { return members_; }
    // Sets who gets the members' events between come() and leave(). Without a customer, there must not be any.
    void serve(Customer& customer) noexcept { served_by_ = &customer; }

private:
    void answered(Connection& connection) override;
    void ended(Connection& connection, const std::string& trouble) override;
    void open_next();

    Loop* loop_;
    Place place_;
    Users users_;
    std::deque<Connection> members_; // a deque: connections never move
    Customer* served_by_ = nullptr;
    std::size_t wanted_ = 0, arrived_ = 0, leaving_ = 0;
    bool leaves_ = false;
    std::string trouble_;
};

} // namespace bench
