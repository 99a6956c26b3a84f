#include "buzon/daemon/logins.h"

#include "support/catch.h"

using namespace buzon;
using namespace std::chrono_literals;

namespace {

const event::Instant start{1000h};

} // namespace

TEST_CASE("the login delay of a user ends to the second and is nobody else's") {
    daemon::LoginDelays delays{10};
    CHECK(delays.seconds_to_go("ana", 60s, start) == 0);
    delays.logged_in("ana", 60s, start);
    CHECK(delays.seconds_to_go("ana", 60s, start) == 60);
    CHECK(delays.seconds_to_go("ana", 60s, start + 1ms) == 60);
    CHECK(delays.seconds_to_go("ana", 60s, start + 59s + 999ms) == 1);
    CHECK(delays.seconds_to_go("ana", 60s, start + 60s) == 0);
    CHECK(delays.seconds_to_go("bob", 60s, start) == 0);
    CHECK(delays.seconds_to_go("ana", 0s, start) == 0);
}

TEST_CASE("a later login begins the delay anew, and the end of the first does not end it") {
    daemon::LoginDelays delays{10};
    delays.logged_in("ana", 60s, start);
    delays.logged_in("ana", 60s, start + 60s);
    delays.logged_in("bob", 60s, start + 61s); // drops what is over
    CHECK(delays.seconds_to_go("ana", 60s, start + 61s) == 59);
    CHECK(delays.size() == 2);
    delays.logged_in("bob", 60s, start + 1h);
    CHECK(delays.size() == 1);
}

TEST_CASE("a flood of users is remembered up to the bound, the latest first") {
    daemon::LoginDelays delays{100};
    for (int i = 0; i < 1000; ++i) delays.logged_in("user" + std::to_string(i), 60s, start);
    CHECK(delays.size() == 100);
    CHECK(delays.seconds_to_go("user999", 60s, start) == 60);
    CHECK(delays.seconds_to_go("user0", 60s, start) == 0);
}

TEST_CASE("no delay configured: nothing is remembered") {
    daemon::LoginDelays delays{100};
    delays.logged_in("ana", 0s, start);
    CHECK(delays.size() == 0);
}
