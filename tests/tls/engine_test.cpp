#include "buzon/tls/engine.h"

#include <sys/socket.h>

#include "support/catch.h"

using namespace buzon;
using namespace std::chrono_literals;

namespace {

// Starts nothing: the test says what the children say.
class Children final : public keeper::Starter {
public:
    void says(std::size_t which, const std::string& text) const {
        REQUIRE(::send(sockets[which].get(), text.data(), text.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(text.size()));
    }

    std::vector<posix::UniqueFd> sockets; // the children's ends
    std::vector<std::uint32_t> killed;    // numbers, from 1

private:
    std::uint32_t start(keeper::Child&, const keeper::ChildSpec&, posix::UniqueFd socket) override {
        sockets.push_back(std::move(socket));
        return static_cast<std::uint32_t>(sockets.size());
    }
    void kill(std::uint32_t number) noexcept override { killed.push_back(number); }
    void forget(std::uint32_t) noexcept override {}
};

class NoSockets final : public keeper::Sockets {
    std::unique_ptr<keeper::Request> listen(const keeper::Listen&, OnListening) override { return nullptr; }
    std::unique_ptr<keeper::Request> connect(const std::string&, OnConnected) override { return nullptr; }
    std::unique_ptr<keeper::Request> connect_to(const keeper::Child&, OnConnected) override { return nullptr; }
    void release(std::uint32_t) noexcept override {}
};

struct Silent final : tls::EngineEvents {
    void engine_works(bool) override {}
    void engine_says(bool, const std::string&) override {}
};

std::string ready(int port) {
    return "port " + std::to_string(port) + "\n2026.12.01 00:00:00 LOG5[ui]: Configuration successful\n";
}

} // namespace

TEST_CASE("of two renewals the later one stays in charge, whichever of them comes up first") {
    event::EventLoop loop;
    NoSockets sockets;
    Children children;
    Silent events;
    tls::Engine engine{loop, sockets, children, {"/usr/bin/stunnel", "/run/back", 180}, events};
    engine.begin();
    children.says(0, ready(2000));
    while (engine.port() != 2000) loop.turn(1s);
    for (int renewal = 0; renewal < 2; ++renewal) engine.renew({"/usr/bin/stunnel", "/run/back", 180});
    REQUIRE(children.sockets.size() == 3);
    children.says(2, ready(2002));
    while (engine.port() != 2002) loop.turn(1s);
    CHECK(children.killed == std::vector<std::uint32_t>{1});
    children.says(1, ready(2001));
    while (children.killed.size() < 2) loop.turn(1s);
    CHECK(children.killed.back() == 2);
    CHECK(engine.port() == 2002);
}
