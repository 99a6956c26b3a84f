// bench/load/crowd.cpp - see the header.
#include "load/crowd.h"

#include <stdexcept>

namespace bench {
namespace {

constexpr std::size_t arriving_at_once = 64;
constexpr double patience = 120; // seconds for all to arrive, or to leave

} // namespace

bool go_on_logging_in(Connection& connection, const Users& users, std::size_t user) {
    switch (connection.step++) {
    case 0: connection.ask("USER " + users.login_name(user) + "\r\n", {}); return false;
    case 1: connection.ask("PASS " + users.password + "\r\n", {}); return false;
    default: return true;
    }
}

void Crowd::come(std::size_t size) {
    wanted_ = size;
    for (std::size_t i = 0; i < arriving_at_once && members_.size() < wanted_; ++i) open_next();
    if (wanted_ > 0 && !loop_->run(patience)) trouble_ = "not all sessions could log in in time";
    if (!trouble_.empty()) throw std::runtime_error{"login of " + users_.prefix + ": " + trouble_};
}

void Crowd::open_next() {
    Connection& next = members_.emplace_back(*loop_, static_cast<Customer&>(*this), members_.size());
    next.open(place_);
    next.expect({});
}

void Crowd::answered(Connection& connection) {
    if (leaves_) {
        connection.expect_end();
    } else if (connection.step > 2) {
        served_by_->answered(connection);
    } else if (go_on_logging_in(connection, users_, connection.number())) {
        if (++arrived_ == wanted_)
            loop_->stop();
        else if (members_.size() < wanted_)
            open_next();
    }
}

void Crowd::ended(Connection& connection, const std::string& trouble) {
    if (leaves_) {
        if (--leaving_ == 0) loop_->stop();
    } else if (served_by_ != nullptr && connection.step > 2) {
        served_by_->ended(connection, trouble);
    } else {
        trouble_ = trouble;
        loop_->stop();
    }
}

void Crowd::leave() {
    leaves_ = true;
    for (Connection& member : members_) leaving_ += member.is_open();
    if (leaving_ == 0) return;
    for (Connection& member : members_) {
        if (member.is_open()) member.ask("QUIT\r\n", {});
    }
    if (leaving_ > 0) (void)loop_->run(patience);
}

} // namespace bench
