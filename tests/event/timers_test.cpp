#include "buzon/event/timers.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <random>

#include "support/catch.h"

using namespace buzon::event;
using namespace std::chrono_literals;

namespace {
struct Bell final : TimerHandler {
    std::function<void(Timer&)> then = [](Timer&) {};
    std::vector<Instant> rung;
    void on_timer(Timer& which) override {
        rung.push_back(which.deadline());
        then(which);
    }
};
constexpr Instant start{};
} // namespace

TEST_CASE("ten thousand timers fire in the order of their deadlines, except the disarmed ones") {
    std::mt19937 random{7};
    Timers timers;
    Bell bell;
    std::vector<std::unique_ptr<Timer>> all;
    for (int i = 0; i < 10'000; ++i) {
        all.push_back(std::make_unique<Timer>(bell));
        all.back()->arm(timers, start + std::chrono::milliseconds{random() % 5000});
    }
    for (std::size_t i = 0; i < all.size(); i += 3) all[i]->disarm();
    for (std::size_t i = 1; i < all.size(); i += 3)
        all[i]->arm(timers, start + std::chrono::milliseconds{random() % 5000});
    std::size_t expected = timers.size();
    CHECK(expected == 6666);
    timers.expire(start + 2500ms);
    CHECK(std::is_sorted(bell.rung.begin(), bell.rung.end()));
    CHECK(bell.rung.back() <= start + 2500ms);
    CHECK(*timers.next() > start + 2500ms);
    timers.expire(start + 5000ms);
    CHECK(bell.rung.size() == expected);
    CHECK(timers.size() == 0);
    CHECK_FALSE(timers.next().has_value());
}

TEST_CASE("a handler may arm its timer again, and if that deadline has passed it fires in the next call") {
    Timers timers;
    Bell bell;
    Timer timer{bell};
    bell.then = [&](Timer& which) { which.arm(timers, start); };
    timer.arm(timers, start);
    timers.expire(start + 1s);
    CHECK(bell.rung.size() == 1);
    CHECK(timer.armed());
    timers.expire(start + 1s);
    CHECK(bell.rung.size() == 2);
}

TEST_CASE("a handler may destroy or rearm another timer that is due in the same call") {
    Timers timers;
    Bell bell;
    Bell other;
    Timer first{bell};
    auto second = std::make_unique<Timer>(other);
    Timer third{other};
    bell.then = [&](Timer&) {
        second.reset();
        third.arm(timers, start + 1h);
    };
    first.arm(timers, start);
    second->arm(timers, start + 1ms);
    third.arm(timers, start + 2ms);
    timers.expire(start + 1s);
    CHECK(other.rung.empty());
    CHECK(timers.size() == 1);
    CHECK(*timers.next() == start + 1h);
}

TEST_CASE("a timer may outlive its Timers") {
    Bell bell;
    Timer timer{bell};
    {
        Timers timers;
        timer.arm(timers, start);
    }
    CHECK_FALSE(timer.armed());
}
