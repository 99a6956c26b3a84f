#include "buzon/state/suspects.h"

#include "support/catch.h"

using namespace buzon::state;
using namespace std::chrono_literals;

namespace {

const std::chrono::system_clock::time_point dawn = std::chrono::sys_days{std::chrono::year{2026} / 2 / 3} + 6h;

struct Watched : Suspects {
    std::chrono::system_clock::time_point now = dawn;
    void happens(EventType type, std::string_view user, std::string_view ip) {
        const EventField fields[] = {{"method", "PASS"}, {"ip", ip}};
        write({type, level_of(type), now, 1, user, {}, std::span{fields}.subspan(ip.empty() ? 2 : 0)});
    }
    [[nodiscard]] std::vector<std::string> lines() const { return read(now); }
};

using Said = std::vector<std::string>;

} // namespace

TEST_CASE("guessers and guessed users are listed with their failures since then, until a day passes without any") {
    Watched watched;
    watched.happens(EventType::auth_fail, "ana", "192.0.2.1"); // nobody has been detected yet
    watched.happens(EventType::guessing, "", "192.0.2.1");
    watched.happens(EventType::auth_fail, "bob", "192.0.2.1");
    watched.now += 1h;
    watched.happens(EventType::guessing, "ana b", "");
    watched.happens(EventType::auth_fail, "ana b", "198.51.100.9");
    watched.happens(EventType::auth_fail, "ana b", "192.0.2.1");
    watched.happens(EventType::login, "ana b", "192.0.2.1");
    CHECK(watched.lines() ==
          Said{"2026-02-03T06:00:00.000Z guessing ip=192.0.2.1 failures=2 last=2026-02-03T07:00:00.000Z",
               "2026-02-03T07:00:00.000Z guessing user=\"ana b\" failures=2 last=2026-02-03T07:00:00.000Z"});
    CHECK(watched.count(watched.now) == 2);
    watched.now += 23h + 59min;
    watched.happens(EventType::auth_fail, "carl", "192.0.2.1");
    watched.now += 1min;
    CHECK(watched.lines().size() == 1); // nobody has guessed the password of "ana b" for a day
    CHECK(watched.count(watched.now) == 1);
    watched.now += 24h;
    CHECK(watched.lines().empty());
    // Detected again.
    watched.happens(EventType::guessing, "", "192.0.2.1");
    CHECK(watched.lines() ==
          Said{"2026-02-05T07:00:00.000Z guessing ip=192.0.2.1 failures=0 last=2026-02-05T07:00:00.000Z"});
}

TEST_CASE("a user named like an address is not taken for it, and the oldest entries go when there are many") {
    Watched watched;
    watched.happens(EventType::guessing, "192.0.2.1", "");
    watched.happens(EventType::auth_fail, "ana", "192.0.2.1");
    CHECK(watched.lines().front().find("user=192.0.2.1 failures=0") != std::string::npos);
    for (std::size_t i = 0; i < 2 * Suspects::max; ++i)
        watched.happens(EventType::guessing, "user" + std::to_string(i), "");
    CHECK(watched.count(watched.now) == Suspects::max);
    CHECK(watched.lines().back().find("user=user" + std::to_string(2 * Suspects::max - 1)) != std::string::npos);
}
