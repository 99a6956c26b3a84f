// tls/relay_test.cpp - a relay between two TCP connections: clients that do not read, too few descriptors, hang-ups.
#include "../../src/tls/relay.h"

#include <sys/resource.h>

#include "support/process.h"
#include "tls/pretended.h"

using namespace buzon;
using namespace std::chrono_literals;
using buzon::test::arrived;
using buzon::test::Ends;
using buzon::test::eventually;
using buzon::test::tcp_pair;

namespace {

struct Relaying final : tls::RelayOwner {
    event::EventLoop loop;
    tls::PipeRoom pipes;
    Ends client = tcp_pair(), program = tcp_pair();
    tls::Relay relay{loop, pipes, *this, 1, std::move(client.ours)};
    bool ended = false;

    Relaying() { REQUIRE(relay.start(std::move(program.ours)) != 0); }
    void relay_ended(tls::Relay&) noexcept override { ended = true; }

    // The program sends more than the client, which does not read, can hold.
    void stall() {
        const std::string piece(4096, 'x');
        int calm = 0;
        REQUIRE(eventually([&] {
            if (pipes.in_use() == 0) (void)::send(program.theirs.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
            loop.turn(2ms);
            calm = pipes.in_use() == 1 ? calm + 1 : 0;
            return calm == 50;
        }));
    }
};

// As long as it lives, no descriptor can be opened.
class NoDescriptors {
public:
    NoDescriptors() {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        const rlimit none{0, before_.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

struct Alarm final : event::TimerHandler {
    event::Timer timer{*this};
    bool rang = false;
    void on_timer(event::Timer&) override { rang = true; }
};

} // namespace

TEST_CASE("a relay for which no descriptors are left waits for them, and then carries every octet") {
    Relaying relaying;
    {
        const NoDescriptors none;
        CHECK(::send(relaying.client.theirs.get(), "up", 2, MSG_NOSIGNAL) == 2);
        CHECK(::send(relaying.program.theirs.get(), "down", 4, MSG_NOSIGNAL) == 4);
        for (int i = 0; i < 5; ++i) relaying.loop.turn(100ms);
        CHECK_FALSE(relaying.ended);
        CHECK(arrived(relaying.program.theirs).empty());
        CHECK(arrived(relaying.client.theirs).empty());
        CHECK(relaying.pipes.in_use() == 0);
    }
    std::string up, down;
    CHECK(eventually([&] {
        relaying.loop.turn(10ms);
        up += arrived(relaying.program.theirs);
        down += arrived(relaying.client.theirs);
        return up == "up" && down == "down";
    }));
    CHECK_FALSE(relaying.ended);
}

TEST_CASE("a pipe counts as in use until the client has read what it holds, or the relay has ended") {
    Relaying relaying;
    CHECK(relaying.pipes.in_use() == 0);
    relaying.stall();
    const std::int64_t before = relaying.relay.taken();
    CHECK(eventually([&] {
        (void)arrived(relaying.client.theirs);
        relaying.loop.turn(10ms);
        return relaying.pipes.in_use() == 0 && relaying.relay.taken() > before;
    }));
    relaying.stall();
    relaying.relay.end();
    CHECK(relaying.ended);
    CHECK(relaying.pipes.in_use() == 0);
}

TEST_CASE("a program that hangs up while a client that has shut down its side does not read keeps the loop idle") {
    Relaying relaying;
    REQUIRE(::shutdown(relaying.client.theirs.get(), SHUT_WR) == 0);
    char octet = 0;
    REQUIRE(eventually([&] {
        relaying.loop.turn(2ms);
        return ::recv(relaying.program.theirs.get(), &octet, 1, 0) == 0;
    }));
    relaying.stall();
    relaying.program.theirs.reset();
    Alarm alarm;
    alarm.timer.arm(relaying.loop.timers(), event::Clock::now() + 200ms);
    int turns = 0;
    for (; !alarm.rang && turns < 1000; ++turns) relaying.loop.turn(1s);
    CHECK(turns < 100);
    CHECK_FALSE(relaying.ended);
}
