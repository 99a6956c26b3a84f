// support/wire.cpp
#include "support/wire.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>
#include <system_error>

#include "buzon/posix/io.h"

namespace buzon::test {
namespace {

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;

    [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

Address make_address(const std::string& text, std::uint16_t port) {
    Address address;
    if (text.starts_with("unix:")) {
        auto& unix_address = reinterpret_cast<sockaddr_un&>(address.storage);
        const std::string path = text.substr(5);
        if (path.size() >= sizeof unix_address.sun_path) throw std::runtime_error("path too long: " + path);
        unix_address.sun_family = AF_UNIX;
        std::memcpy(unix_address.sun_path, path.c_str(), path.size() + 1);
        address.length = sizeof unix_address;
        return address;
    }
    auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
    if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        address.length = sizeof v4;
        return address;
    }
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
    if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) != 1) throw std::runtime_error("not an address: " + text);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    address.length = sizeof v6;
    return address;
}

posix::UniqueFd make_socket(const Address& address) {
    posix::UniqueFd fd{::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!fd) throw std::system_error(errno, std::system_category(), "socket");
    return fd;
}

// Whether the descriptor became ready in time.
bool wait_for(int fd, short events, Seconds limit = patience) {
    pollfd one{fd, events, 0};
    for (;;) {
        const int n = ::poll(&one, 1, static_cast<int>(limit.count() * 1000));
        if (n >= 0 || errno != EINTR) return n > 0;
    }
}

std::string quoted_tail(const std::string& text) {
    return text.size() <= 200 ? text : "..." + text.substr(text.size() - 200);
}

} // namespace

Wire::Wire(const std::string& address, std::uint16_t port, const Options& options) {
    const Address to = make_address(address, port);
    fd_ = make_socket(to);
    const int one = 1;
    // Each send() becomes a TCP segment of its own, so that the test decides where the server's reads are split.
    if (to.storage.ss_family != AF_UNIX) ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (options.receive_buffer > 0)
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &options.receive_buffer, sizeof options.receive_buffer);
    if (!options.from.empty()) {
        const Address from = make_address(options.from, 0);
        if (::bind(fd_.get(), from.get(), from.length) != 0)
            throw std::system_error(errno, std::system_category(), "bind to " + options.from);
    }
    if (::connect(fd_.get(), to.get(), to.length) != 0)
        throw ConnectionLost("connect to " + address + " port " + std::to_string(port) + ": " + std::strerror(errno));
}

void Wire::send(std::string_view octets) {
    while (!octets.empty()) {
        if (!wait_for(fd_.get(), POLLOUT)) throw ConnectionLost("the peer does not read what is sent");
        octets.remove_prefix(send_some(octets));
    }
}

std::size_t Wire::send_some(std::string_view octets) {
    const ssize_t n = ::send(fd_.get(), octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EAGAIN || errno == EINTR) return 0;
    throw ConnectionLost(std::string("send: ") + std::strerror(errno));
}

void Wire::wait_until_read() const {
    sockaddr_in ours{}, theirs{};
    socklen_t size = sizeof ours;
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&ours), &size);
    size = sizeof theirs;
    ::getpeername(fd_.get(), reinterpret_cast<sockaddr*>(&theirs), &size);
    // The peer's socket as proc_tcp(5) shows it: "N: LOCAL:PORT REMOTE:PORT STATE TX_QUEUE:RX_QUEUE ...".
    char ends[64];
    std::snprintf(ends, sizeof ends, ": %08X:%04X %08X:%04X ", theirs.sin_addr.s_addr, ntohs(theirs.sin_port),
                  ours.sin_addr.s_addr, ntohs(ours.sin_port));
    const bool read = eventually([&] {
        int unacknowledged = 0;
        if (::ioctl(fd_.get(), SIOCOUTQ, &unacknowledged) != 0 || unacknowledged != 0) return false;
        std::ifstream sockets{"/proc/net/tcp"};
        for (std::string line; std::getline(sockets, line);) {
            const std::size_t at = line.find(ends);
            if (at != std::string::npos) return line.substr(at + std::strlen(ends) + 11, 9) == ":00000000";
        }
        return true; // it has closed
    });
    if (!read) throw ConnectionLost("the peer does not read what was sent");
}

void Wire::finish_sending() {
    ::shutdown(fd_.get(), SHUT_WR);
}

void Wire::reset() {
    const linger at_once{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    fd_.reset();
}

Wire::Got Wire::fill() {
    if (!wait_for(fd_.get(), POLLIN)) throw ConnectionLost("nothing arrives after: " + quoted_tail(buffer_));
    char chunk[65536];
    for (;;) {
        const ssize_t n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
        if (n > 0) {
            buffer_.append(chunk, static_cast<std::size_t>(n));
            received_ += static_cast<std::uint64_t>(n);
            return Got::octets;
        }
        if (n == 0) return Got::end;
        if (errno == ECONNRESET) return Got::reset;
        if (errno != EINTR) throw ConnectionLost(std::string("recv: ") + std::strerror(errno));
    }
}

std::string Wire::line() {
    std::size_t looked_at = taken_;
    for (;;) {
        const std::size_t end = buffer_.find('\n', looked_at);
        if (end != std::string::npos) {
            std::string found = take(end + 1 - taken_);
            found.pop_back();
            if (found.empty() || found.back() != '\r') throw ConnectionLost("a line without CR: " + quoted_tail(found));
            found.pop_back();
            return found;
        }
        looked_at = buffer_.size();
        if (fill() != Got::octets) throw ConnectionLost("closed in place of a line, after: " + quoted_tail(buffer_));
    }
}

std::string Wire::exactly(std::size_t octets) {
    while (untaken() < octets)
        if (fill() != Got::octets) throw ConnectionLost("closed after: " + quoted_tail(buffer_));
    return take(octets);
}

std::string Wire::take(std::size_t octets) {
    std::string taken = buffer_.substr(taken_, octets);
    taken_ += octets;
    if (taken_ > buffer_.size() / 2) buffer_.erase(0, std::exchange(taken_, 0));
    return taken;
}

std::string Wire::some(std::size_t max) {
    if (untaken() == 0 && fill() != Got::octets) return {};
    return take(std::min(max, untaken()));
}

std::string Wire::rest(bool reset_is_end) {
    for (;;) {
        const Got got = fill();
        if (got == Got::reset && !reset_is_end) throw ConnectionLost("reset after: " + quoted_tail(buffer_));
        if (got != Got::octets) return take(untaken());
    }
}

bool Wire::ended() {
    return untaken() == 0 && fill() != Got::octets;
}

bool Wire::silent_for(Seconds time) {
    return untaken() == 0 && !wait_for(fd_.get(), POLLIN, time);
}

bool reachable(const std::string& address, std::uint16_t port) {
    const Address to = make_address(address, port);
    const posix::UniqueFd fd = make_socket(to);
    return ::connect(fd.get(), to.get(), to.length) == 0;
}

std::uint16_t free_port() {
    static std::mt19937 random{std::random_device{}()};
    // Below 32768, so that outgoing connections of tests that run at the same time cannot take it.
    std::uniform_int_distribution<int> choice{20000, 32000};
    for (int attempt = 0; attempt < 1000; ++attempt) {
        const auto port = static_cast<std::uint16_t>(choice(random));
        const Address address = make_address("127.0.0.1", port);
        const posix::UniqueFd fd = make_socket(address);
        if (::bind(fd.get(), address.get(), address.length) == 0) return port;
    }
    throw std::runtime_error("no free port");
}

bool have_ipv6() {
    const posix::UniqueFd fd{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const Address address = make_address("::1", 0);
    return fd && ::bind(fd.get(), address.get(), address.length) == 0;
}

TakenPort::TakenPort(const std::string& address) : port_{free_port()} {
    const Address at = make_address(address, port_);
    fd_ = make_socket(at);
    if (::bind(fd_.get(), at.get(), at.length) != 0 || ::listen(fd_.get(), 8) != 0)
        throw std::system_error(errno, std::system_category(), "take a port");
}

} // namespace buzon::test
