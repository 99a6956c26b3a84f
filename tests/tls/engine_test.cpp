#include "buzon/tls/engine.h"

#include "support/process.h"
#include "tls/pretended.h"

using namespace buzon;
using namespace std::chrono_literals;
using buzon::test::Children;
using buzon::test::eventually;
using buzon::test::ready;

namespace {

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

// Remembers what it was told; each of the calls runs out of memory once if it is to.
struct Listening final : tls::EngineEvents {
    void engine_works(bool works) override {
        if (std::exchange(no_memory, false)) throw std::bad_alloc{};
        told.push_back(works);
    }
    void engine_says(bool, const std::string&) override {
        if (std::exchange(no_memory, false)) throw std::bad_alloc{};
    }
    bool no_memory = false;
    std::vector<bool> told;
};

struct Running {
    event::EventLoop loop;
    NoSockets sockets;
    Children children;
    Listening events;
    const tls::Use use{"/usr/bin/stunnel", "/run/back", 180};
    tls::Engine engine{loop, sockets, children, use, events};

    Running() { engine.begin(); }
    void serve(std::size_t which, int port) {
        children.says(which, ready(port));
        REQUIRE(eventually([&] {
            loop.turn(10ms);
            return engine.port() == port;
        }));
    }
    // Whether this many children have been started, now or soon.
    [[nodiscard]] bool starts(std::size_t number) {
        return eventually([&] {
            loop.turn(10ms);
            return children.sockets.size() == number;
        });
    }
};

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

TEST_CASE("a TLS program that has ended is started again even if there is no memory to say so") {
    Running running;
    running.serve(0, 2000);
    running.events.no_memory = true;
    CHECK_THROWS_AS(running.children.ends(0), std::bad_alloc);
    CHECK_FALSE(running.engine.works());
    CHECK(running.starts(2));
}

TEST_CASE("a TLS program that has ended is started again even if a renewal meanwhile ran out of memory") {
    Running running;
    running.serve(0, 2000);
    running.children.ends(0);
    running.loop.turn(0ms);
    running.children.no_memory = true;
    CHECK_THROWS_AS(running.engine.renew(running.use), std::bad_alloc);
    CHECK(running.starts(2));
}

TEST_CASE("that TLS works is told again if there was no memory for it") {
    Running running;
    running.events.no_memory = true;
    running.serve(0, 2000);
    CHECK(eventually([&] {
        running.loop.turn(10ms);
        return !running.events.told.empty();
    }));
    CHECK(running.events.told == std::vector<bool>{true});
}
