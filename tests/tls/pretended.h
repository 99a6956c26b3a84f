// tls/pretended.h - TLS programs that a test pretends to be, and connections for them.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdint>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "buzon/keeper/sockets.h"
#include "buzon/keeper/starter.h"
#include "support/catch.h"

namespace buzon::test {

// Starts nothing: the test says what the children say, and how they end.
class Children final : public keeper::Starter {
public:
    void says(std::size_t which, const std::string& text) const {
        REQUIRE(::send(sockets[which].get(), text.data(), text.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(text.size()));
    }
    void have_pid(std::size_t which, pid_t pid) const {
        tell(*children_.at(which), {keeper::Told::started, static_cast<std::uint32_t>(which + 1), pid});
    }
    void ends(std::size_t which) const {
        tell(*children_.at(which), {keeper::Told::exited, static_cast<std::uint32_t>(which + 1), 0});
    }

    std::vector<posix::UniqueFd> sockets; // the children's ends
    std::vector<std::uint32_t> killed;    // numbers, from 1
    bool no_memory = false;               // for the next start

private:
    std::uint32_t start(keeper::Child& child, const keeper::ChildSpec&, posix::UniqueFd socket) override {
        if (std::exchange(no_memory, false)) throw std::bad_alloc{};
        sockets.push_back(std::move(socket));
        children_.push_back(&child);
        return static_cast<std::uint32_t>(sockets.size());
    }
    void kill(std::uint32_t number) noexcept override { killed.push_back(number); }
    void forget(std::uint32_t) noexcept override {}

    std::vector<keeper::Child*> children_;
};

// What a child says when it serves.
inline std::string ready(int port) {
    return "port " + std::to_string(port) + "\n2026.12.01 00:00:00 LOG5[ui]: Configuration successful\n";
}

struct Ends {
    posix::UniqueFd ours, theirs;
};

// A TCP connection with small buffers; nothing in it blocks. Its segments are small, too: the kernel would send one
// that does not fit the window only after a pause.
inline Ends tcp_pair() {
    const posix::UniqueFd listener = keeper::listen_on_loopback().value();
    const int segment = 1024;
    REQUIRE(::setsockopt(listener.get(), IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment) == 0);
    Ends ends;
    ends.ours = keeper::connect_to_listener(listener.get()).value();
    ends.theirs.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    REQUIRE(ends.theirs);
    const int small = 16 * 1024;
    for (const int socket : {ends.ours.get(), ends.theirs.get()})
        for (const int option : {SO_SNDBUF, SO_RCVBUF})
            REQUIRE(::setsockopt(socket, SOL_SOCKET, option, &small, sizeof small) == 0);
    return ends;
}

// What has arrived at this socket. Empty: nothing, or its end.
inline std::string arrived(const posix::UniqueFd& socket) {
    std::string text(64 * 1024, '\0');
    const ssize_t n = ::recv(socket.get(), text.data(), text.size(), MSG_DONTWAIT);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
}

} // namespace buzon::test
