#include "support/catch.h"
#include "support/sanitized.h"

#include <string>

#include "buzon/auth/throttle.h"

using namespace buzon::auth;
using namespace std::chrono_literals;

namespace {

struct Waiting {
    explicit Waiting(const ThrottleLimits& limits = {}) : throttle{limits, "key", now} {}

    std::chrono::seconds wait(const std::optional<Source>& source, const std::string& user) const {
        return std::chrono::duration_cast<std::chrono::seconds>(throttle.not_before(source, user, now) - now);
    }
    void fail(const std::optional<Source>& source, const std::string& user, int times = 1) {
        for (int i = 0; i < times; ++i) throttle.failed(source, user, now);
    }

    Throttle::Time now{std::chrono::hours{1000}};
    Throttle throttle;
};

std::optional<Source> address(unsigned number) {
    return Source::parse("10." + std::to_string(number >> 16 & 255) + "." + std::to_string(number >> 8 & 255) + "." +
                         std::to_string(number & 255));
}

} // namespace

TEST_CASE("after the free failures, a source waits longer with every wrong password, up to a limit") {
    Waiting g;
    std::string waits;
    for (int i = 0; i < 11; ++i) {
        waits += std::to_string(g.wait(address(1), "user" + std::to_string(i)).count()) + ' ';
        g.fail(address(1), "user" + std::to_string(i));
    }
    CHECK(waits == "0 0 0 0 0 1 2 4 8 15 15 ");
    CHECK(g.wait(address(2), "user1") == 0s);
    g.fail(address(1), "x", 1000);
    CHECK(g.wait(address(1), "stranger") == 15s);
}

TEST_CASE("a failure that was counted too early can be taken back, for source and user or for a familiar pair") {
    Waiting g;
    g.fail(address(1), "owner", 12);
    g.throttle.take_back(address(1), "owner", g.now);
    CHECK(g.wait(address(2), "owner") == 2s);
    CHECK(g.wait(address(1), "other") == 15s);
    for (int i = 0; i < 20; ++i) g.throttle.take_back(address(1), "owner", g.now);
    CHECK(g.wait(address(1), "owner") == 0s);
    g.fail(address(1), "owner", 5);
    CHECK(g.wait(address(1), "owner") == 1s);
    g.throttle.succeeded(address(3), "owner", g.now);
    g.fail(address(3), "owner", 21);
    g.throttle.take_back(address(3), "owner", g.now);
    CHECK(g.wait(address(3), "owner") == 1s);
    g.throttle.take_back(address(9), "nobody", g.now);
    CHECK(g.wait(address(9), "nobody") == 0s);
}

TEST_CASE("a user who is guessed at from everywhere is slowed down for new sources") {
    Waiting g;
    for (unsigned i = 0; i < 10; ++i) {
        CHECK(g.wait(address(i), "owner") == 0s);
        g.fail(address(i), "owner");
    }
    CHECK(g.wait(address(100), "owner") == 1s);
    CHECK(g.wait(address(100), "other") == 0s);
}

TEST_CASE("a user at a familiar source never waits while a thousand addresses guess ten thousand times") {
    Waiting g;
    const auto known = Source::parse("192.0.2.7");
    g.throttle.succeeded(known, "owner", g.now);
    for (int round = 0; round < 10; ++round) {
        for (unsigned i = 0; i < 1000; ++i) g.fail(address(i), "owner");
        g.now += 30s;
        REQUIRE(g.wait(known, "owner") == 0s);
        g.throttle.succeeded(known, "owner", g.now);
    }
    CHECK(g.wait(address(5), "owner") == 15s);
    // From an unfamiliar source the user waits the longest delay, but is not refused.
    CHECK(g.wait(Source::parse("192.0.2.8"), "owner") == 15s);
}

TEST_CASE("wrong passwords of others at the same address do not slow down a user to whom it is familiar") {
    Waiting g;
    g.throttle.succeeded(address(1), "owner", g.now);
    g.fail(address(1), "somebody", 100);
    CHECK(g.wait(address(1), "owner") == 0s);
    CHECK(g.wait(address(1), "somebody") == 15s);
}

TEST_CASE("logging in to one's own account does not forgive guesses at other users") {
    Waiting g;
    for (int i = 0; i < 20; ++i) {
        g.fail(address(1), "victim" + std::to_string(i));
        g.throttle.succeeded(address(1), "attacker", g.now);
    }
    CHECK(g.wait(address(1), "victim99") == 15s);
    CHECK(g.wait(address(1), "attacker") == 0s);
}

TEST_CASE("a familiar source has free failures of its own, and a login clears its failures") {
    Waiting g;
    g.throttle.succeeded(address(1), "owner", g.now);
    g.fail(address(1), "owner", 19);
    CHECK(g.wait(address(1), "owner") == 0s);
    g.fail(address(1), "owner", 2);
    CHECK(g.wait(address(1), "owner") == 2s);
    g.fail(address(1), "owner", 1000);
    CHECK(g.wait(address(1), "owner") == 15s);
    g.throttle.succeeded(address(1), "owner", g.now);
    CHECK(g.wait(address(1), "owner") == 0s);
    // They counted against nobody else.
    CHECK(g.wait(address(1), "other") == 0s);
    CHECK(g.wait(address(2), "owner") == 0s);
}

TEST_CASE("a client that polls every minute with an old password does not slow down its owner") {
    Waiting g;
    g.throttle.succeeded(address(1), "owner", g.now);
    for (int minute = 0; minute < 600; ++minute) {
        g.now += 60s;
        g.fail(address(1), "owner");
        REQUIRE(g.wait(address(1), "owner") == 0s);
    }
}

TEST_CASE("repeating the same wrong password for a user from the same source counts once, even a day later") {
    Waiting g;
    // PLAIN, LOGIN and USER/PASS of one mail program, and its later tries.
    for (int i = 0; i < 100; ++i) g.throttle.failed(address(1), "owner", g.now, "old password");
    CHECK(g.wait(address(1), "owner") == 0s);
    for (int i = 0; i < 4; ++i) g.throttle.failed(address(1), "owner", g.now, "guess" + std::to_string(i));
    CHECK(g.wait(address(1), "owner") == 1s);
    g.throttle.failed(address(1), "owner", g.now, "guess3");
    CHECK(g.wait(address(1), "owner") == 1s);
    // Another user, another source, another secret, and a secret that cannot be compared: each counts.
    g.throttle.failed(address(1), "other", g.now, "old password");
    CHECK(g.wait(address(1), "x") == 2s);
    g.throttle.failed(address(1), "owner", g.now);
    g.throttle.failed(address(1), "owner", g.now);
    CHECK(g.wait(address(1), "x") == 8s);
    for (int i = 0; i < 6; ++i) g.throttle.failed(address(2), "owner" + std::to_string(i), g.now, "old password");
    CHECK(g.wait(address(2), "x") == 2s);
    g.now += 24h; // a phone that polls with it all day is never slowed down
    for (int i = 0; i < 100; ++i) g.throttle.failed(address(1), "owner", g.now, "old password");
    CHECK(g.wait(address(1), "owner") == 0s);
    g.throttle.succeeded(address(3), "owner", g.now);
    for (int i = 0; i < 100; ++i) g.throttle.failed(address(3), "owner", g.now, "old password");
    CHECK(g.wait(address(3), "owner") == 0s);
}

TEST_CASE("failures are forgiven one by one") {
    Waiting g;
    g.fail(address(1), "a", 7);
    CHECK(g.wait(address(1), "x") == 4s);
    g.now += 59s;
    CHECK(g.wait(address(1), "x") == 4s);
    g.now += 1s;
    CHECK(g.wait(address(1), "x") == 2s);
    g.now += 120s;
    CHECK(g.wait(address(1), "x") == 0s);
    g.fail(address(1), "a");
    CHECK(g.wait(address(1), "x") == 1s);
    g.fail(address(1), "a", 100'000 / buzon::test::endurance_divisor);
    g.now += 41min; // however many there were
    CHECK(g.wait(address(1), "x") == 0s);
}

TEST_CASE("a source becomes unfamiliar again after 30 days without a login of its user") {
    Waiting g;
    g.throttle.succeeded(address(1), "owner", g.now);
    g.now += std::chrono::hours{24 * 30 - 1};
    g.fail(address(2), "owner", 30);
    CHECK(g.wait(address(1), "owner") == 0s);
    g.now += 1h;
    g.fail(address(2), "owner", 30);
    CHECK(g.wait(address(1), "owner") == 15s);
}

TEST_CASE("the addresses of an IPv6 /64 share one count, and the next /64 has its own") {
    Waiting g;
    for (int i = 0; i < 20; ++i) g.fail(Source::parse("2001:db8:1:2::" + std::to_string(i)), "u" + std::to_string(i));
    CHECK(g.wait(Source::parse("2001:db8:1:2:ffff::1"), "x") == 15s);
    CHECK(g.wait(Source::parse("2001:db8:1:3::1"), "x") == 0s);
    g.throttle.succeeded(Source::parse("2001:db8:1:2::5"), "owner", g.now);
    CHECK(g.wait(Source::parse("2001:db8:1:2::6"), "owner") == 0s);
}

TEST_CASE("for a peer without an address only the user's count applies") {
    Waiting g;
    for (int i = 0; i < 100; ++i) g.fail(std::nullopt, "u" + std::to_string(i));
    CHECK(g.wait(std::nullopt, "x") == 0s);
    g.fail(std::nullopt, "x", 11);
    CHECK(g.wait(std::nullopt, "x") == 2s);
    g.throttle.succeeded(std::nullopt, "x", g.now);
    CHECK(g.wait(std::nullopt, "x") == 0s);
    CHECK(g.wait(address(1), "x") == 2s);
}

TEST_CASE("a flood of addresses does not push a guesser out of a small table") {
    ThrottleLimits limits;
    limits.sources = limits.users = limits.familiar_pairs = 64;
    Waiting g{limits};
    g.fail(address(1), "owner", 12);
    const auto guilty = g.wait(address(1), "x");
    g.throttle.succeeded(address(2), "owner", g.now);
    for (unsigned i = 1000; i < 1000 + 100'000u / unsigned{buzon::test::endurance_divisor}; ++i)
        g.fail(address(i), "u" + std::to_string(i));
    CHECK(g.wait(address(1), "x") == guilty);
    CHECK(g.wait(address(3), "owner") > 0s);
    CHECK(g.wait(address(2), "owner") == 0s);
}

TEST_CASE("the smallest tables and limits still work") {
    ThrottleLimits limits;
    limits.sources = limits.users = limits.familiar_pairs = 0;
    limits.free_by_source = limits.free_by_user = limits.free_by_familiar = 0;
    limits.forgives_one_in = 0s;
    Waiting g{limits};
    CHECK(g.wait(address(1), "a") == 0s);
    g.fail(address(1), "a");
    CHECK(g.wait(address(1), "a") == 2s);
}
