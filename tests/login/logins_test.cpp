#include "buzon/login/logins.h"

#include "support/catch.h"

using namespace buzon;
using namespace std::chrono_literals;

namespace {

const event::Instant start{1000h};

} // namespace

TEST_CASE("a user's login delay is exact to the second and applies to nobody else") {
    login::LoginDelays delays{10};
    CHECK(delays.seconds_to_go("ana", 60s, start) == 0);
    delays.logged_in("ana", 60s, start);
    CHECK(delays.seconds_to_go("ana", 60s, start) == 60);
    CHECK(delays.seconds_to_go("ana", 60s, start + 1ms) == 60);
    CHECK(delays.seconds_to_go("ana", 60s, start + 59s + 999ms) == 1);
    CHECK(delays.seconds_to_go("ana", 60s, start + 60s) == 0);
    CHECK(delays.seconds_to_go("bob", 60s, start) == 0);
    CHECK(delays.seconds_to_go("ana", 0s, start) == 0);
}

TEST_CASE("a later login restarts the delay, and the end of the first does not end it") {
    login::LoginDelays delays{10};
    delays.logged_in("ana", 60s, start);
    delays.logged_in("ana", 60s, start + 60s);
    delays.logged_in("bob", 60s, start + 61s); // drops expired delays
    CHECK(delays.seconds_to_go("ana", 60s, start + 61s) == 59);
    CHECK(delays.size() == 2);
    delays.logged_in("bob", 60s, start + 1h);
    CHECK(delays.size() == 1);
}

TEST_CASE("a flood of users is remembered up to the limit, keeping the latest") {
    login::LoginDelays delays{100};
    for (int i = 0; i < 1000; ++i) delays.logged_in("user" + std::to_string(i), 60s, start);
    CHECK(delays.size() == 100);
    CHECK(delays.seconds_to_go("user999", 60s, start) == 60);
    CHECK(delays.seconds_to_go("user0", 60s, start) == 0);
}

TEST_CASE("login delays are restored from their text, and continue where they were") {
    const std::chrono::system_clock::time_point wall{1'700'000'000s};
    login::LoginDelays before{10};
    before.logged_in("ana", 60s, start);
    before.logged_in("bob", 60s, start + 10s);
    before.logged_in("ana", 60s, start + 20s); // makes her first login irrelevant
    const std::string text = before.text(start + 30s, wall);
    CHECK(text == "buzon login delays 1\n1699999980000 bob\n1699999990000 ana\n");
    // Another process, with another steady clock; 15 s later in wall-clock time.
    const event::Instant now{7h};
    login::LoginDelays delays{10};
    REQUIRE(delays.restore(text, 60s, now, wall + 15s));
    CHECK(delays.seconds_to_go("ana", 60s, now) == 35);
    CHECK(delays.seconds_to_go("bob", 60s, now) == 25);
    // Expired delays are not restored; if the clock was set back, nobody waits longer than the delay.
    login::LoginDelays later{10}, earlier{10}, small{1};
    REQUIRE(later.restore(text, 60s, now, wall + 45s));
    CHECK(later.size() == 1);
    REQUIRE(earlier.restore(text, 60s, now, wall - 1h));
    CHECK(earlier.seconds_to_go("bob", 60s, now) == 60);
    REQUIRE(small.restore(text, 60s, now, wall));
    CHECK(small.seconds_to_go("ana", 60s, now) == 50);
    CHECK(small.size() == 1);
}

TEST_CASE("a file that is not a list of logins is not read as one") {
    const std::string head = "buzon login delays 1\n";
    for (const std::string& text :
         {std::string{}, std::string{"\n"}, std::string{"buzon login delays 2\n"}, head + "x ana\n", head + "1\n",
          head + "1 \n", head + "1 ana", head + "-1 ana\n", head + "99999999999999999999 ana\n", head + "\n",
          head + "5 ana\n\n", head.substr(0, 20)}) {
        login::LoginDelays delays{10};
        INFO(text);
        CHECK_FALSE(delays.restore(text, 60s, start, std::chrono::system_clock::time_point{10s}));
        CHECK(delays.size() == 0);
    }
    login::LoginDelays delays{10};
    CHECK(delays.restore(head, 60s, start, std::chrono::system_clock::time_point{10s}));
    CHECK(delays.restore(head + "9223372036854775807 ana\n", 60s, start, std::chrono::system_clock::time_point{10s}));
    CHECK(delays.seconds_to_go("ana", 60s, start) == 60);
}

TEST_CASE("without a login delay nothing is remembered") {
    login::LoginDelays delays{100};
    delays.logged_in("ana", 0s, start);
    CHECK(delays.size() == 0);
}
