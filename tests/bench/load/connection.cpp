// bench/load/connection.cpp - see the header.
#include "load/connection.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>

namespace bench {
namespace {

constexpr std::size_t read_size = 256 * 1024;

std::string shown(std::string_view text) {
    std::string out = "\"";
    for (const char c : text.substr(0, 60)) out += c >= ' ' && c < 127 ? c : '?';
    return out += '"';
}

} // namespace

Loop::Loop() : epoll_{epoll_create1(EPOLL_CLOEXEC)}, input_(read_size) {
    if (!epoll_) throw std::system_error{errno, std::system_category(), "epoll_create1"};
}

std::uint64_t Loop::now() noexcept {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch() /
                                      std::chrono::nanoseconds{1});
}

bool Loop::run(double seconds, const std::function<void()>& work) {
    const std::uint64_t end = now() + static_cast<std::uint64_t>(seconds * 1e9);
    for (stopped_ = false; !stopped_;) {
        turn();
        work();
        for (const auto& always : at_every_turn_) always();
        if (now() > end) return false;
    }
    return true;
}

void Loop::turn() {
    constexpr int tick_ms = 1;
    std::array<epoll_event, 256> ready;
    const int n = epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), tick_ms);
    for (int i = 0; i < n && !stopped_; ++i) {
        static_cast<Connection*>(ready[static_cast<std::size_t>(i)].data.ptr)->receive(read_size);
    }
}

void Connection::open(const Place& place) {
    socket_.reset(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_) throw std::system_error{errno, std::system_category(), "socket"};
    const int on = 1;
    if (place.sources > 1) {
        setsockopt(socket_.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        sockaddr_in source{};
        source.sin_family = AF_INET;
        source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + static_cast<std::uint32_t>(number_ % place.sources));
        if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0) {
            throw std::system_error{errno, std::system_category(), "bind"};
        }
    }
    if (place.receive_buffer > 0) {
        setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &place.receive_buffer, sizeof place.receive_buffer);
    }
    setsockopt(socket_.get(), IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
    began = asked_at_ = Loop::now();
    step = 0;
    line_.clear();
    const auto* const server = reinterpret_cast<const sockaddr*>(&place.server);
    if (connect(socket_.get(), server, sizeof place.server) != 0 && errno != EINPROGRESS) {
        throw std::system_error{errno, std::system_category(), "connect"};
    }
    epoll_event event{.events = EPOLLIN, .data = {.ptr = this}};
    if (epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_ADD, socket_.get(), &event) != 0) {
        throw std::system_error{errno, std::system_category(), "epoll_ctl"};
    }
}

void Connection::expect(const Expected& expected) {
    expected_ = expected;
    if (expected.status)
        waiting_ = Waiting::status;
    else
        begin_body();
}

void Connection::begin_body() {
    matched_ = 0;
    if (expected_.learn_body != nullptr) {
        expected_.learn_body->clear();
        waiting_ = Waiting::learning;
    } else {
        waiting_ = Waiting::body;
    }
}

void Connection::ask(std::string_view text, const Expected& expected) {
    expect(expected);
    asked_at_ = Loop::now();
    const ssize_t n = send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    // Questions are short and sent one at a time, so they always fit into the socket's buffer unless the peer is lost.
    if (n != static_cast<ssize_t>(text.size()))
        fail("cannot send: " + std::string{n < 0 ? std::strerror(errno) : "short"});
}

void Connection::look_away() {
    epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_DEL, socket_.get(), nullptr);
}

void Connection::receive(std::size_t limit) {
    if (!socket_) return;
    const ssize_t n = recv(socket_.get(), loop_->input_.data(), std::min(limit, loop_->input_.size()), 0);
    if (n > 0) {
        received_ += static_cast<std::uint64_t>(n);
        hear({loop_->input_.data(), static_cast<std::size_t>(n)});
    } else if (n == 0 && waiting_ == Waiting::end) {
        close();
        customer_->ended(*this, {});
    } else if (n == 0) {
        fail("the server closed the connection");
    } else if (errno != EAGAIN && errno != EINTR) {
        fail(std::strerror(errno));
    }
}

void Connection::hear(std::string_view octets) {
    while (!octets.empty()) {
        bool complete = false;
        switch (waiting_) {
        case Waiting::status: complete = hear_status(octets); break;
        case Waiting::body: complete = hear_body(octets); break;
        case Waiting::learning: complete = hear_to_learn(octets); break;
        case Waiting::nothing:
        case Waiting::end: fail("not asked for: " + shown(octets)); return;
        }
        if (!socket_) return;
        if (!complete) continue;
        if (!octets.empty()) {
            fail("more than asked for: " + shown(octets));
            return;
        }
        done();
    }
}

// Each hear_ function takes its part of the octets and returns whether the reply is now complete.
bool Connection::hear_status(std::string_view& octets) {
    const std::size_t end = octets.find('\n');
    const std::string_view piece = octets.substr(0, end == octets.npos ? end : end + 1);
    octets.remove_prefix(piece.size());
    std::string_view line = piece;
    if (!line_.empty() || end == std::string_view::npos) line = line_ += piece;
    if (!line.ends_with('\n')) return false;
    if (!line.starts_with("+OK") || !line.ends_with("\r\n")) {
        fail("refused: " + shown(line));
        return false;
    }
    if (expected_.learn_status != nullptr) expected_.learn_status->assign(line);
    line_.clear();
    if (expected_.learn_body == nullptr && expected_.body.empty()) return true;
    begin_body();
    return false;
}

bool Connection::hear_body(std::string_view& octets) {
    const std::size_t length = std::min(octets.size(), expected_.body.size() - matched_);
    if (std::memcmp(octets.data(), expected_.body.data() + matched_, length) != 0) {
        const std::string_view right = expected_.body.substr(matched_);
        std::size_t same = 0;
        while (octets[same] == right[same]) ++same;
        fail("wrong after " + std::to_string(matched_ + same) + " octets: " + shown(octets.substr(same)) +
             " instead of " + shown(right.substr(same)));
        return false;
    }
    matched_ += length;
    octets.remove_prefix(length);
    return matched_ == expected_.body.size();
}

bool Connection::hear_to_learn(std::string_view& octets) {
    std::string& body = *expected_.learn_body;
    body += octets;
    octets = {};
    return body == ".\r\n" || body.ends_with("\r\n.\r\n");
}

void Connection::done() {
    waiting_ = Waiting::nothing;
    customer_->answered(*this);
}

void Connection::fail(const std::string& why) {
    if (!socket_) return;
    close();
    customer_->ended(*this, why);
}

} // namespace bench
