// bench/load/beside.cpp - see the header.
#include "load/beside.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <system_error>

namespace bench {

void Logins::begin(std::size_t at_once) {
    user_of_.resize(at_once);
    for (std::size_t i = 0; i < at_once; ++i) come(connections_.emplace_back(*loop_, static_cast<Customer&>(*this), i));
}

void Logins::come(Connection& connection) {
    user_of_[connection.number()] = begun_++ % different_;
    connection.open(place_);
    connection.expect({});
}

void Logins::answered(Connection& connection) {
    if (connection.step < 3) {
        if (!go_on_logging_in(connection, users_, user_of_[connection.number()])) return;
        times_.add(Loop::now() - connection.asked_at());
        ++done_;
        connection.ask("QUIT\r\n", {});
    } else {
        connection.expect_end();
    }
}

void Logins::ended(Connection& connection, const std::string& trouble) {
    if (!trouble.empty()) errors_->add("login beside the load: " + trouble);
    if (trouble.empty() && !ending_) come(connection);
}

namespace {

[[noreturn]] void give_up(const char* what) {
    throw std::system_error{errno, std::system_category(), what};
}

} // namespace

Listeners::Listeners(const Place& place, std::size_t count, std::size_t silent) : input_(64 * 1024), silent_{silent} {
    for (std::size_t i = 0; i < count; ++i) {
        buzon::posix::UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        if (!socket ||
            connect(socket.get(), reinterpret_cast<const sockaddr*>(&place.server), sizeof place.server) != 0)
            give_up("manager");
        const std::string_view wish = i % 2 == 0 ? "EVNT\r\n" : "LOGG FOLLOW\r\n";
        if (send(socket.get(), wish.data(), wish.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(wish.size()))
            give_up("manager");
        sockets_.push_back(std::move(socket));
    }
}

void Listeners::read_some() {
    for (std::size_t i = silent_; i < sockets_.size(); ++i) {
        const bool looked_at = (i - silent_) % every == 0;
        for (;;) {
            // On a TCP socket, MSG_TRUNC discards the octets (tcp(7)).
            const ssize_t n =
                recv(sockets_[i].get(), looked_at ? input_.data() : nullptr,
                     looked_at ? input_.size() : std::size_t{64} << 20, MSG_DONTWAIT | (looked_at ? 0 : MSG_TRUNC));
            if (n <= 0) break;
            octets_ += static_cast<std::uint64_t>(n);
            if (looked_at) count({input_.data(), static_cast<std::size_t>(n)});
        }
    }
}

// Misses a note of lost lines that is split between two reads.
void Listeners::count(std::string_view heard) {
    lines_ += static_cast<std::uint64_t>(std::count(heard.begin(), heard.end(), '\n'));
    constexpr std::string_view note = " lost count=";
    for (std::size_t at = 0; (at = heard.find(note, at)) != heard.npos;) {
        at += note.size();
        std::uint64_t lines = 0;
        (void)std::from_chars(heard.data() + at, heard.data() + heard.size(), lines);
        lost_ += lines;
        --lines_;
    }
}

std::size_t Listeners::still_there() const noexcept {
    return static_cast<std::size_t>(std::count_if(sockets_.begin(), sockets_.end(), [](const auto& socket) {
        char octet = 0;
        const ssize_t n = recv(socket.get(), &octet, 1, MSG_PEEK | MSG_DONTWAIT);
        return n > 0 || (n < 0 && errno == EAGAIN);
    }));
}

} // namespace bench
