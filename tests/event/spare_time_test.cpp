#include "buzon/event/spare_time.h"

#include "support/catch.h"

using namespace buzon::event;
using namespace std::chrono_literals;

namespace {

// A loop in which somebody always has work of the spare kind, in pieces; every millisecond so much other work comes.
struct Loop {
    std::chrono::nanoseconds other, piece;
    Instant now{};
    std::chrono::nanoseconds busy{0}, spent{0};
    Instant next_other{};
    SpareTime spare{now};

    void work(std::chrono::nanoseconds time) {
        busy += time;
        now += time;
    }
    void turn() {
        spare.advance(now, busy);
        for (const Instant begin = now; spare.left() && now - begin < 500us; spent += piece) {
            spare.spend(piece);
            work(piece);
        }
        if (now < next_other && !spare.left()) now = std::min(next_other, now + 5ms); // waits
        if (now < next_other) return;
        work(other);
        next_other += 1ms;
    }
    // Of the whole time.
    [[nodiscard]] double share() {
        while (now.time_since_epoch() < 100s) turn();
        return static_cast<double>(spent.count()) / static_cast<double>(now.time_since_epoch().count());
    }
};

} // namespace

TEST_CASE("a loop that is always busy gives a two-hundredth of its time, be the pieces small or large") {
    for (const auto piece : {10us, 100us, 500us}) {
        CAPTURE(piece.count());
        Loop loop{2ms, piece}; // it never catches up
        const double share = loop.share();
        CHECK(share > 0.0049);
        CHECK(share < 0.0052);
    }
}

TEST_CASE("a loop that has time gives it, up to three quarters of all") {
    for (const auto& [other, expected] :
         {std::pair{0us, 0.75}, {250us, 0.50}, {500us, 0.25}, {740us, 0.005}, {900us, 0.005}}) {
        CAPTURE(other.count());
        Loop loop{other, 100us};
        const double share = loop.share();
        CHECK(share > expected - 0.02);
        CHECK(share < expected + 0.03);
    }
}

TEST_CASE("what was not used is not saved up") {
    const Instant begin{};
    SpareTime spare{begin};
    const Instant later = begin + 3600s; // idle
    spare.advance(later, 0s);
    SECTION("while there was work") {
        spare.spend(SpareTime::most);
    }
    SECTION("before there was work") {
        spare.begin();
        spare.spend(SpareTime::at_first);
    }
    CHECK_FALSE(spare.left());
    spare.spend(100ms); // a piece that was interrupted
    // Paid off, by a busy loop, in a fifth of a second.
    for (int i = 1; i < 200; ++i) {
        spare.advance(later + i * 1ms, i * 1ms);
        REQUIRE_FALSE(spare.left());
    }
    spare.advance(later + 201ms, 201ms);
    CHECK(spare.left());
}
