// bench/load/beside.cpp - see the header.
#include "load/beside.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

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

Listeners::Listeners(const Place& place, std::uint16_t port, std::size_t count, std::size_t silent)
    : input_(64 * 1024), silent_{silent} {
    for (std::size_t i = 0; i < count; ++i) {
        buzon::posix::UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        sockaddr_in server = place.server;
        server.sin_port = htons(port);
        if (!socket || connect(socket.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0) give_up("manager");
        const std::string_view wish = i % 2 == 0 ? "EVNT\r\n" : "LOGG FOLLOW\r\n";
        if (send(socket.get(), wish.data(), wish.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(wish.size())) give_up("manager");
        sockets_.push_back(std::move(socket));
    }
}

void Listeners::read_some() {
    constexpr std::uint64_t interval = 50'000'000;   // nanoseconds
    const std::uint64_t now = Loop::now();
    if (now - last_ < interval) return;
    last_ = now;
    for (std::size_t i = silent_; i < sockets_.size(); ++i) {
        const bool looked_at = (i - silent_) % every == 0;
        for (;;) {
            // To a stream, MSG_TRUNC says that the octets are not wanted (tcp(7)).
            const ssize_t n = recv(sockets_[i].get(), looked_at ? input_.data() : nullptr,
                                   looked_at ? input_.size() : std::size_t{64} << 20, MSG_DONTWAIT | (looked_at ? 0 : MSG_TRUNC));
            if (n <= 0) break;
            octets_ += static_cast<std::uint64_t>(n);
            if (looked_at) count({input_.data(), static_cast<std::size_t>(n)});
        }
    }
}

// A note of loss that is cut in two by the end of a read is missed.
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

void Listeners::read_rest(double most_seconds) {
    constexpr int naps_a_second = 50;
    std::uint64_t before = octets_;
    for (int nap = 0, quiet = 0; nap < most_seconds * naps_a_second && quiet < naps_a_second; ++nap) {
        usleep(1'000'000 / naps_a_second);
        read_some();
        quiet = before == octets_ ? quiet + 1 : 0;
        before = octets_;
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
