#include "buzon/net/peer.h"

#include <sys/socket.h>

#include "buzon/net/listener.h"
#include "support/catch.h"

using namespace buzon::net;
using buzon::event::EventLoop;
using buzon::posix::UniqueFd;

namespace {

constexpr std::chrono::seconds minute{60};

// Both ends of a connection over loopback.
struct Pair {
    EventLoop loop;
    buzon::keeper::SocketsHere sockets{loop};
    std::unique_ptr<Listener> listener =
        std::move(Listener::open(loop, sockets, Endpoint{*Ip::parse("127.0.0.1"), 0, 0})).value();
    UniqueFd client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    UniqueFd server;

    Pair() {
        const SocketAddress address = to_socket_address(Endpoint{*Ip::parse("127.0.0.1"), listener->port(), 0});
        REQUIRE(::connect(client.get(), address.get(), address.length) == 0);
        REQUIRE_FALSE(listener->begin([this](Accepted accepted) { server = std::move(accepted.socket); }));
        listener->accept_rest();
        REQUIRE(server);
    }
};

} // namespace

TEST_CASE("a peer is dead once it resets the connection, but not after it only shuts down its sending side") {
    Pair one;
    CHECK_FALSE(peer_is_dead(one.server.get(), minute));
    probe_peer(one.server.get(), minute);
    CHECK_FALSE(peer_is_dead(one.server.get(), minute));
    ::shutdown(one.client.get(), SHUT_WR);
    CHECK_FALSE(peer_is_dead(one.server.get(), minute));
    const linger hard{1, 0};
    ::setsockopt(one.client.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    one.client.reset();
    CHECK(peer_is_dead(one.server.get(), minute));
}

TEST_CASE("sockets that are not TCP never count as dead") {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const UniqueFd one{ends[0]};
    UniqueFd other{ends[1]};
    other.reset();
    probe_peer(one.get(), minute);
    CHECK_FALSE(peer_is_dead(one.get(), minute));
    CHECK_FALSE(peer_is_dead(-1, minute));
}
