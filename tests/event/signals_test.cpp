#include "buzon/event/signals.h"

#include <csignal>

#include "support/catch.h"

using namespace buzon::event;
using namespace std::chrono_literals;

TEST_CASE("a signal is delivered as an event of the loop") {
    EventLoop loop;
    int seen = 0;
    Signals signals{loop, {SIGUSR1}, [&](int number) { seen = number; }};
    ::raise(SIGUSR1);
    CHECK(seen == 0);
    loop.turn(0ms);
    CHECK(seen == SIGUSR1);
}
