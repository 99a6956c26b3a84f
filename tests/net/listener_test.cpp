#include "buzon/net/listener.h"

#include <fcntl.h>
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

TEST_CASE("a listener tells the port it got, and accepts only once it has begun") {
    EventLoop loop;
    auto listener = std::move(Listener::open(loop, loopback)).value();
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

TEST_CASE("every address means IPv4 and IPv6 on one socket") {
    EventLoop loop;
    auto listener = std::move(Listener::open(loop, EveryAddress{0})).value();
    CHECK(listener->serves_v4());
    CHECK(connect_to(to_socket_address(Endpoint{*Ip::parse("127.0.0.1"), listener->port(), 0})));
    if (listener->serves_v6()) CHECK(connect_to(to_socket_address(Endpoint{*Ip::parse("::1"), listener->port(), 0})));
}

TEST_CASE("a taken port is refused") {
    EventLoop loop;
    auto first = std::move(Listener::open(loop, loopback)).value();
    CHECK(Listener::open(loop, first->bound()).error().value() == EADDRINUSE);
}

TEST_CASE("a unix socket belongs to its owner alone, replaces a dead one, and goes with the listener") {
    const Folder folder;
    const std::string path = folder.path + "/control";
    EventLoop loop;
    {
        auto listener = std::move(Listener::open(loop, UnixPath{path})).value();
        struct stat about {};
        REQUIRE(::lstat(path.c_str(), &about) == 0);
        CHECK((about.st_mode & 0777) == 0600);
        CHECK(listener->port() == 0);
        CHECK(Listener::open(loop, UnixPath{path}).error().value() == EADDRINUSE);
        CHECK(connect_to(*to_socket_address(path)));
    }
    CHECK_FALSE(std::filesystem::exists(path));

    { // left behind by a killed server
        const UniqueFd dead{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        const SocketAddress address = *to_socket_address(path);
        REQUIRE(::bind(dead.get(), address.get(), address.length) == 0);
    }
    CHECK(Listener::open(loop, UnixPath{path}).ok());

    std::filesystem::create_directory(path);
    CHECK(Listener::open(loop, UnixPath{path}).error().value() == EEXIST);
    CHECK(Listener::open(loop, UnixPath{std::string(200, 'x')}).error().value() == ENAMETOOLONG);
}

TEST_CASE("more connections than one turn takes are all accepted in the following ones") {
    EventLoop loop;
    auto listener = std::move(Listener::open(loop, loopback)).value();
    std::size_t count = 0;
    REQUIRE(!listener->begin([&](Accepted) { ++count; }));
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 100; ++i) clients.push_back(connect_to(to_socket_address(listener->bound())));
    loop.turn(100ms);
    CHECK(count < 100);
    for (int i = 0; i < 5 && count < 100; ++i) loop.turn(100ms);
    CHECK(count == 100);
}

TEST_CASE("an overlapping address is taken beside our own listener when that allows it, and not otherwise") {
    EventLoop loop;
    auto everywhere = std::move(Listener::open(loop, EveryAddress{0})).value();
    const Endpoint narrow{*Ip::parse("127.0.0.1"), everywhere->port(), 0};
    CHECK(Listener::open(loop, narrow, true).error().value() == EADDRINUSE);
    everywhere->allow_beside(true);
    auto second = Listener::open(loop, narrow, true);
    everywhere->allow_beside(false);
    REQUIRE(second.ok());
    CHECK(Listener::open(loop, narrow).error().value() == EADDRINUSE);
}

TEST_CASE("who had connected before the listener closes is still accepted") {
    EventLoop loop;
    auto listener = std::move(Listener::open(loop, loopback)).value();
    std::size_t count = 0;
    REQUIRE(!listener->begin([&](Accepted) { ++count; }));
    std::vector<UniqueFd> clients;
    for (int i = 0; i < 80; ++i) clients.push_back(connect_to(to_socket_address(listener->bound())));
    listener->accept_rest();
    CHECK(count == 80);
}
