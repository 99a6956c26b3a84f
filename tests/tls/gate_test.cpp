// tls/gate_test.cpp - which decrypted connection belongs to which client, and what happens when its session has ended.
// The test pretends to be the TLS program.
#include "buzon/tls/gate.h"

#include "support/process.h"
#include "support/temp_directory.h"
#include "tls/pretended.h"

using namespace buzon;
using namespace std::chrono_literals;
using buzon::test::arrived;
using buzon::test::Children;
using buzon::test::Ends;
using buzon::test::eventually;
using buzon::test::ready;
using buzon::test::tcp_pair;
using posix::UniqueFd;

namespace {

// A connection to the pretended program, handed over in the next turn.
class Connecting final : public keeper::Request, private event::Task {
public:
    Connecting(event::EventLoop& loop, UniqueFd socket, keeper::Sockets::OnConnected then)
        : socket_{std::move(socket)}, then_{std::move(then)} {
        loop.next_turn(*this);
    }
    void wait() override {
        cancel();
        run();
    }

private:
    void run() override {
        const keeper::Sockets::OnConnected then = std::move(then_); // which may destroy us
        then(std::move(socket_));
    }
    UniqueFd socket_;
    keeper::Sockets::OnConnected then_;
};

class Sockets final : public keeper::Sockets {
public:
    Sockets(event::EventLoop& loop, int program) : loop_{loop}, program_{program}, here_{loop} {}

    std::unique_ptr<keeper::Request> listen(const keeper::Listen& what, OnListening then) override {
        return here_.listen(what, std::move(then));
    }
    std::unique_ptr<keeper::Request> connect(const std::string&, OnConnected) override { return nullptr; }
    std::unique_ptr<keeper::Request> connect_to(const keeper::Child&, OnConnected then) override {
        return std::make_unique<Connecting>(loop_, keeper::connect_to_listener(program_).value(), std::move(then));
    }
    void release(std::uint32_t number) noexcept override { here_.release(number); }

private:
    event::EventLoop& loop_;
    int program_; // listens
    keeper::SocketsHere here_;
};

std::uint16_t port_of(const UniqueFd& socket, bool peers) {
    net::SocketAddress address;
    address.length = sizeof address.storage;
    auto* const out = static_cast<sockaddr*>(static_cast<void*>(&address.storage));
    REQUIRE((peers ? ::getpeername : ::getsockname)(socket.get(), out, &address.length) == 0);
    return net::Endpoint::from(address.storage).port;
}

// A client whose connection has reached the program.
struct Relayed {
    UniqueFd client, program; // the outer ends
    std::uint16_t port = 0;   // of the connection between the relay and the program
};

struct Site final : tls::GateEvents {
    event::EventLoop loop;
    const test::TempDirectory directory;
    Children children;
    const UniqueFd program = keeper::listen_on_loopback().value();
    Sockets sockets{loop, program.get()};
    std::vector<UniqueFd> sessions;
    unsigned lost = 0; // in their handshake
    bool no_memory = false;
    tls::Gate gate{loop, sockets, children, *this};

    // `pid`: of the program.
    explicit Site(pid_t pid = ::getpid()) {
        REQUIRE_FALSE(gate.begin(use()));
        serve(pid, port_of(program, false));
    }
    [[nodiscard]] tls::Use use() const { return {"/usr/bin/stunnel", directory / "back", 180}; }
    // The newest child serves.
    void serve(pid_t pid, int port) {
        const std::size_t newest = children.sockets.size() - 1;
        children.have_pid(newest, pid);
        children.says(newest, ready(port));
        for (int i = 0; i < 3; ++i) loop.turn(0ms);
        REQUIRE(gate.works());
    }

    Relayed client(std::uint64_t id) {
        Ends ends = tcp_pair();
        gate.admit({id, {}, false, loop.now()}, loop.now() + 600s, std::move(ends.ours));
        Relayed relayed;
        relayed.client = std::move(ends.theirs);
        relayed.program.reset(::accept4(program.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        REQUIRE(relayed.program);
        relayed.port = port_of(relayed.program, true);
        loop.turn(0ms);
        return relayed;
    }
    // The program's connection for a peer at this address, and what becomes of it.
    UniqueFd comes_back(const std::string& ip, std::uint16_t port) {
        UniqueFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        const net::SocketAddress back = net::to_socket_address(directory / "back").value();
        REQUIRE(::connect(socket.get(), back.get(), back.length) == 0);
        const std::string header = "PROXY TCP4 " + ip + " 127.0.0.1 " + std::to_string(port) + " 995\r\n";
        REQUIRE(::send(socket.get(), header.data(), header.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(header.size()));
        const std::size_t before = sessions.size();
        REQUIRE(eventually([&] {
            loop.turn(10ms);
            char octet = 0;
            return sessions.size() > before || ::recv(socket.get(), &octet, 1, MSG_DONTWAIT) == 0;
        }));
        return socket;
    }
    // A client in its session, to whom the program sends more than it takes.
    Relayed stalled_client(std::uint64_t id) {
        Relayed relayed = client(id);
        (void)comes_back("127.0.0.1", relayed.port);
        REQUIRE(sessions.size() == 1);
        int calm = 0;
        REQUIRE(eventually([&] {
            send_more(relayed);
            loop.turn(2ms);
            calm = gate.pipes() == 1 ? calm + 1 : 0;
            return calm == 50;
        }));
        return relayed;
    }
    static void send_more(const Relayed& relayed) {
        const std::string piece(4096, 'x');
        (void)::send(relayed.program.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
    }
    bool all_end() {
        return eventually([&] {
            loop.turn(10ms);
            return gate.size() == 0 && gate.pipes() == 0;
        });
    }

    void encrypted(const tls::Client&, UniqueFd socket, const std::string&) override {
        if (std::exchange(no_memory, false)) throw std::bad_alloc{};
        sessions.push_back(std::move(socket));
    }
    void not_encrypted(const tls::Client&, bool) noexcept override { ++lost; }
    void last_relay_ended() noexcept override {}
    void tls_works(bool) override {}
    void tls_says(bool, const std::string&) override {}
};

} // namespace

TEST_CASE("a connection from another loopback address with a TLS client's port is not taken for that client") {
    Site site;
    const Relayed client = site.client(1);
    (void)site.comes_back("127.0.0.2", client.port);
    CHECK(site.sessions.empty());
    CHECK(site.gate.handshakes() == 1);
    (void)site.comes_back("127.0.0.1", client.port);
    CHECK(site.sessions.size() == 1);
    CHECK(site.gate.handshakes() == 0);
}

TEST_CASE("a connection from one TLS program is not taken for a client of another one") {
    Site site{1};
    const Relayed client = site.client(1);
    site.gate.renew(site.use());
    const UniqueFd other = keeper::listen_on_loopback().value();
    site.serve(::getpid(), port_of(other, false));
    (void)site.comes_back("127.0.0.1", client.port);
    CHECK(site.sessions.empty());
    CHECK(site.gate.handshakes() == 1);
}

TEST_CASE("after its session, a TLS client that takes nothing is let go") {
    Site site;
    const Relayed client = site.stalled_client(1);
    site.gate.session_ended(1, 50ms);
    CHECK(site.all_end());
    CHECK(site.lost == 0);
}

TEST_CASE("after its session, a TLS client that the program has left as well is let go if it takes nothing") {
    Site site;
    Relayed client = site.stalled_client(1);
    client.program.reset();
    site.gate.session_ended(1, 50ms);
    CHECK(site.all_end());
}

TEST_CASE("after its session, a TLS client gets what is on its way as long as it takes some of it") {
    Site site;
    const Relayed client = site.stalled_client(1);
    site.gate.session_ended(1, 2s);
    for (const auto end = event::Clock::now() + 5s; event::Clock::now() < end;) {
        Site::send_more(client);
        (void)arrived(client.client);
        site.loop.turn(10ms);
    }
    CHECK(site.gate.size() == 1);
    CHECK(site.all_end());
}

TEST_CASE("the end of the session before STLS does nothing to the handshake that follows") {
    Site site;
    site.gate.session_ended(1, 0ms);
    const Relayed client = site.client(1);
    site.gate.session_ended(1, 0ms);
    for (int i = 0; i < 3; ++i) site.loop.turn(10ms);
    CHECK(site.gate.handshakes() == 1);
    (void)site.comes_back("127.0.0.1", client.port);
    CHECK(site.sessions.size() == 1);
}

TEST_CASE("a TLS client for whose session there is no memory is let go") {
    Site site;
    const Relayed client = site.client(1);
    site.no_memory = true;
    (void)site.comes_back("127.0.0.1", client.port);
    CHECK(site.sessions.empty());
    CHECK(site.all_end());
    CHECK(site.gate.handshakes() == 0);
}
