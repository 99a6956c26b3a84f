#include "buzon/net/listener.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>

#include "support/catch.h"

using namespace buzon::net;
using namespace std::chrono_literals;
using buzon::event::EventLoop;
using buzon::posix::UniqueFd;

namespace {

UniqueFd connect_to(const SocketAddress& address) {
    UniqueFd fd{::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::connect(fd.get(), address.get(), address.length) != 0) fd.reset();
    return fd;
}

UniqueFd listening(buzon::keeper::Sockets& sockets, const SocketAddress& address) {
    UniqueFd made;
    const auto request = sockets.listen({.length = address.length, .address = address.storage}, [&](auto result) {
        REQUIRE(result);
        made = std::move(result.value().socket);
    });
    request->wait();
    return made;
}

const Endpoint loopback{*Ip::parse("127.0.0.1"), 0, 0};

struct Folder {
    std::string path;
    Folder() {
        char name[] = "/tmp/buzon-listener-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Folder() { std::filesystem::remove_all(path); }
};

} // namespace

TEST_CASE("a listener reports the port it got and accepts connections only after begin()") {
    EventLoop loop;
    buzon::keeper::SocketsHere sockets{loop};
    auto listener = std::move(Listener::open(loop, sockets, loopback)).value();
    CHECK(listener->port() != 0);
    CHECK(listener->serves_v4());
    CHECK_FALSE(listener->serves_v6());
    const UniqueFd client = connect_to(to_socket_address(listener->bound()));
    REQUIRE(client);
    loop.turn(0ms);
    std::vector<Accepted> accepted;
    REQUIRE(!listener->begin([&](Accepted a) { accepted.push_back(std::move(a)); }));
    loop.turn(1000ms);
    REQUIRE(accepted.size() == 1);
    CHECK(accepted[0].peer.ip.is_loopback());
    CHECK((::fcntl(accepted[0].socket.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(accepted[0].socket.get(), F_GETFL) & O_NONBLOCK) != 0);
}

TEST_CASE("after refuse_newcomers() a listener accepts earlier clients only, and once closed it refuses all") {
    EventLoop loop;
    buzon::keeper::SocketsHere sockets{loop};
    std::vector<Accepted> accepted;
    const auto accept = [&](Accepted a) { accepted.push_back(std::move(a)); };
    for (const char* address : {"127.0.0.1", "::1"}) {
        CAPTURE(address);
        auto opened = Listener::open(loop, sockets, Endpoint{*Ip::parse(address), 0, 0});
        if (!opened) continue; // no IPv6
        auto listener = std::move(opened).value();
        const SocketAddress where = to_socket_address(listener->bound());
        REQUIRE(!listener->begin(accept));
        const UniqueFd before = connect_to(where);
        REQUIRE(before);
        listener->refuse_newcomers();
        const UniqueFd late{::socket(where.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        CHECK(::connect(late.get(), where.get(), where.length) != 0);
        CHECK(errno == EINPROGRESS);
        accepted.clear();
        listener->accept_rest();
        REQUIRE(accepted.size() == 1);
        CHECK(::send(before.get(), "x", 1, 0) == 1);
        char octet = 0;
        CHECK(::recv(accepted[0].socket.get(), &octet, 1, 0) == 1); // its packets get through
        tcp_info info{};
        socklen_t length = sizeof info;
        REQUIRE(::getsockopt(late.get(), IPPROTO_TCP, TCP_INFO, &info, &length) == 0);
        CHECK(info.tcpi_state == TCP_SYN_SENT);
        listener.reset();
        CHECK_FALSE(connect_to(where));
    }
}

TEST_CASE("an adopted listening socket still takes new connections after refuse_newcomers()") {
    EventLoop loop;
    buzon::keeper::SocketsHere sockets{loop};
    auto listener = std::move(Listener::adopt(loop, listening(sockets, to_socket_address(loopback)))).value();
    CHECK(listener->handed_over());
    listener->refuse_newcomers();
    CHECK(connect_to(to_socket_address(listener->bound())));
}

TEST_CASE("accepting never blocks, even if another process that shares the socket makes it blocking") {
    const Folder folder;
    EventLoop loop;
    buzon::keeper::SocketsHere sockets{loop};
    const SocketAddress unix_address = *to_socket_address(folder.path + "/socket");
    for (const SocketAddress& address : {to_socket_address(loopback), unix_address}) {
        UniqueFd made = listening(sockets, address);
        const UniqueFd theirs{::dup(made.get())};
        auto listener = std::move(Listener::adopt(loop, std::move(made))).value();
        std::size_t accepted = 0;
        REQUIRE(!listener->begin([&](const Accepted&) { ++accepted; }));
        REQUIRE(::fcntl(theirs.get(), F_SETFL, 0) == 0);
        SocketAddress where = address;
        ::getsockname(theirs.get(), static_cast<sockaddr*>(static_cast<void*>(&where.storage)), &where.length);
        const UniqueFd client = connect_to(where);
        REQUIRE(client);
        listener->accept_rest(); // a blocking socket would wait here for another client
        CHECK(accepted == 1);
    }
}

TEST_CASE("EveryAddress listens for IPv4 and IPv6 on one socket") {
    EventLoop loop;
    buzon::keeper::SocketsHere sockets{loop};
    auto listener = std::move(Listener::open(loop, sockets, EveryAddress{0})).value();
    CHECK(listener->serves_v4());
    CHECK(connect_to(to_socket_address(Endpoint{*Ip::parse("127.0.0.1"), listener->port(), 0})));
    if (listener->serves_v6()) CHECK(connect_to(to_socket_address(Endpoint{*Ip::parse("::1"), listener->port(), 0})));
}

TEST_CASE("opening a port that is in use fails") {
    EventLoop loop;
    buzon::keeper::SocketsHere sockets{loop};
    auto first = std::move(Listener::open(loop, sockets, loopback)).value();
    CHECK(Listener::open(loop, sockets, first->bound()).error().value() == EADDRINUSE);
}

TEST_CASE("a Unix socket has mode 0600, replaces a stale one, and is removed with its listener") {
    const Folder folder;
    const std::string path = folder.path + "/control";
    EventLoop loop;
    buzon::keeper::SocketsHere sockets{loop};
    {
        auto listener = std::move(Listener::open(loop, sockets, UnixPath{path})).value();
        struct stat about {};
        REQUIRE(::lstat(path.c_str(), &about) == 0);
        CHECK((about.st_mode & 0777) == 0600);
        CHECK(listener->port() == 0);
        CHECK(Listener::open(loop, sockets, UnixPath{path}).error().value() == EADDRINUSE);
        CHECK(connect_to(*to_socket_address(path)));
    }
    CHECK_FALSE(std::filesystem::exists(path));

    { // left behind by a killed server
        const UniqueFd dead{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        const SocketAddress address = *to_socket_address(path);
        REQUIRE(::bind(dead.get(), address.get(), address.length) == 0);
    }
    CHECK(Listener::open(loop, sockets, UnixPath{path}).ok());

    std::filesystem::create_directory(path);
    CHECK(Listener::open(loop, sockets, UnixPath{path}).error().value() == EEXIST);
    CHECK(Listener::open(loop, sockets, UnixPath{std::string(200, 'x')}).error().value() == ENAMETOOLONG);
}

TEST_CASE("connections beyond what one turn accepts are accepted in the following turns") {
    EventLoop loop;
    buzon::keeper::SocketsHere sockets{loop};
    auto listener = std::move(Listener::open(loop, sockets, loopback)).value();
    std::size_t count = 0;
    REQUIRE(!listener->begin([&](Accepted) { ++count; }));
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 100; ++i) clients.push_back(connect_to(to_socket_address(listener->bound())));
    loop.turn(100ms);
    CHECK(count < 100);
    for (int i = 0; i < 5 && count < 100; ++i) loop.turn(100ms);
    CHECK(count == 100);
}

TEST_CASE("an address that overlaps our own listener can be opened only while that listener allows it") {
    EventLoop loop;
    buzon::keeper::SocketsHere sockets{loop};
    auto everywhere = std::move(Listener::open(loop, sockets, EveryAddress{0})).value();
    const Endpoint narrow{*Ip::parse("127.0.0.1"), everywhere->port(), 0};
    CHECK(Listener::open(loop, sockets, narrow, true).error().value() == EADDRINUSE);
    everywhere->allow_beside(true);
    auto second = Listener::open(loop, sockets, narrow, true);
    everywhere->allow_beside(false);
    REQUIRE(second.ok());
    CHECK(Listener::open(loop, sockets, narrow).error().value() == EADDRINUSE);
}

TEST_CASE("accept_rest() accepts all clients that have already connected") {
    EventLoop loop;
    buzon::keeper::SocketsHere sockets{loop};
    auto listener = std::move(Listener::open(loop, sockets, loopback)).value();
    std::size_t count = 0;
    REQUIRE(!listener->begin([&](Accepted) { ++count; }));
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 80; ++i) clients.push_back(connect_to(to_socket_address(listener->bound())));
    listener->accept_rest();
    CHECK(count == 80);
}
