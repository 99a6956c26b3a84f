#include "buzon/auth/guessers.h"

#include <algorithm>
#include <map>

#include "buzon/auth/throttle.h"
#include "support/catch.h"

using namespace buzon::auth;
using namespace std::chrono_literals;

namespace {

// A day of wrong and right logins, with its own clock.
struct Day {
    std::optional<Source> at(unsigned number) {
        return Source::parse("10." + std::to_string(number / 65536) + '.' + std::to_string(number / 256 % 256) + '.' +
                             std::to_string(number % 256));
    }
    std::chrono::seconds wait(const std::optional<Source>& from, const std::string& user) {
        return std::chrono::duration_cast<std::chrono::seconds>(throttle.not_before(from, user, now) - now);
    }
    void guess(const std::optional<Source>& from, const std::string& user) {
        longest_of_guesser = std::max(longest_of_guesser, wait(from, user));
        shortest_lately = wait(from, user);
        at_once += shortest_lately == 0s;
        ++verdicts;
        const auto [source, target] = throttle.failed(from, user, now, "guess" + std::to_string(verdicts));
        sources_found += source;
        users_found += target;
    }
    void owner(const std::string& place, const std::optional<Source>& from) {
        auto& longest = of_owner[place];
        longest = std::max(longest, wait(from, "ana"));
        throttle.succeeded(from, "ana", now);
    }

    Throttle::Time now{};
    Throttle throttle{{}, std::string(32, 'k'), now};
    std::size_t verdicts = 0, at_once = 0, sources_found = 0, users_found = 0;
    std::chrono::seconds longest_of_guesser{0}, shortest_lately{0};
    std::map<std::string, std::chrono::seconds> of_owner;
};

} // namespace

TEST_CASE(
    "ten thousand guesses from a thousand sources in a day are detected, and the owner never waits more than 15 s") {
    Day day;
    const auto home = Source::parse("192.0.2.1"), hotel = Source::parse("198.51.100.7");
    day.owner("home, the first time", home);
    for (unsigned guess = 0; guess < 10'000; ++guess) {
        day.now += 8640ms;
        day.guess(day.at(guess % 1000), "ana");
        if (guess % 400 == 0) day.owner("home", home);
        if (guess % 800 == 0) day.owner("phone", day.at(100'000 + guess)); // another network each time
        if (guess == 9'000) day.owner("hotel", hotel);
        if (guess > 9'000 && guess % 100 == 0) day.owner("hotel, later", hotel);
    }
    CHECK(day.users_found == 1);
    CHECK(day.sources_found == 0);
    CHECK(day.shortest_lately == 15s); // by now every guess waits the longest delay
    CHECK(day.verdicts == 10'000);
    CHECK(day.at_once <= Guessers::enough);
    CHECK(day.of_owner["home"] == 0s);
    CHECK(day.of_owner["hotel, later"] == 0s);
    CHECK(day.of_owner["phone"] <= 15s);
    CHECK(day.of_owner["hotel"] == 15s);
    CHECK(day.throttle.guessing(day.now) == 1);
    CHECK(day.throttle.guessing(day.now + 25h) == 0);
}

TEST_CASE("a source that tries another user every quarter of an hour is detected, but not before 16 tries") {
    Day day;
    const auto slow = Source::parse("203.0.113.9");
    for (unsigned guess = 0; guess < 4 * 24; ++guess) {
        day.now += 15min;
        day.guess(slow, "user" + std::to_string(guess));
        if (guess + 1 < Guessers::enough) CHECK(day.sources_found == 0);
    }
    CHECK(day.sources_found == 1);
    CHECK(day.users_found == 0);
    CHECK(day.shortest_lately == 15s);
    CHECK(day.wait(Source::parse("203.0.113.10"), "user1") == 0s);
}

TEST_CASE("failures at familiar sources, and repeated failures of one user at one source, do not count as guessing") {
    Day day;
    const auto office = Source::parse("192.0.2.1");
    for (unsigned i = 0; i < 200; ++i) day.throttle.succeeded(office, "user" + std::to_string(i), day.now);
    for (unsigned i = 0; i < 200; ++i) {
        day.now += 1min;
        day.guess(office, "user" + std::to_string(i));
        day.guess(Source::parse("203.0.113.9"), "one");
    }
    CHECK(day.sources_found + day.users_found == 0);
}

TEST_CASE("a source that is guessing is not forgotten when more sources and users fail than can be watched") {
    Guessers guessers{64};
    std::size_t found = 0;
    for (std::uint64_t user = 1; user <= Guessers::enough; ++user)
        found += guessers.failed(std::uint64_t{7} << 32 | 7, user << 40 | user, 10).source;
    CHECK(found == 1);
    for (std::uint64_t other = 100; other < 10'000; ++other)
        (void)guessers.failed(other << 33 | 1, other << 40 | 1, 20);
    CHECK(guessers.guessing(std::uint64_t{7} << 32 | 7, 1, 30));
    CHECK(guessers.count(30) <= 128);
}
