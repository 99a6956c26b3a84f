#include "buzon/upkeep/history_keeper.h"

#include "support/catch.h"

using namespace std::chrono_literals;
using upkeep::until_minute_ends;

TEST_CASE("the history is sampled shortly before a minute ends, whenever the server began and the clock was set") {
    const std::chrono::system_clock::time_point minute{29'000'000min};
    CHECK(until_minute_ends(minute) == 59'950ms);
    CHECK(until_minute_ends(minute + 30s) == 29'950ms);
    CHECK(until_minute_ends(minute + 58'950ms) == 1s);
    CHECK(until_minute_ends(minute + 58'951ms) == 60'999ms); // sampled just now, a little early
    CHECK(until_minute_ends(minute + 59'950ms) == 60s);
    CHECK(until_minute_ends(minute + 59'999ms) == 59'951ms);
    CHECK(until_minute_ends(minute + 10s + 1ns) == 49'950ms); // never before its time
    for (auto at = minute; at < minute + 2min; at += 7ms) {
        const auto sampled = at + until_minute_ends(at);
        CHECK(sampled - std::chrono::floor<std::chrono::minutes>(sampled) == 59'950ms);
    }
}
