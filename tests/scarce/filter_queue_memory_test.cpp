// scarce/filter_queue_memory_test.cpp - each allocation fails in turn while a ticket enters a queue.
#include <optional>
#include <thread>

#include "buzon/event/memory.h"
#include "buzon/filter/filter_queue.h"
#include "scarce_memory.h"
#include "support/catch.h"

using namespace buzon;
using namespace buzon::filter;
using namespace std::chrono_literals;

namespace {

struct LastTurn final : TicketHandler {
    void on_turn(Ticket& ticket) override { last = &ticket; }
    void on_patience_lost(Ticket&) override {}
    Ticket* last = nullptr;
};

// Whether nothing is left of a ticket for which allocation number `nth` has failed. Nothing: it needed no such one.
std::optional<bool> sound_without(std::uint64_t nth) {
    event::EventLoop loop;
    LastTurn turns;
    Queue queue{loop, {1, 10, 1h}};
    Ticket runs{turns}, unlucky{turns}, next{turns};
    bool sound = queue.enter(runs, "ana") == Queue::Entry::now;
    bool failed = false;
    scarce::fail(nth, 1);
    event::guarded([&] { (void)queue.enter(unlucky, "ben"); }, [&] { failed = true; });
    scarce::plenty();
    if (!failed) return std::nullopt;
    sound = sound && unlucky.state() == Ticket::State::idle && queue.waiting() == 0 && loop.timers().size() == 0;
    sound = sound && queue.enter(next, "ben") == Queue::Entry::waiting;
    runs.release();
    loop.turn(0ms);
    return sound && turns.last == &next && queue.waiting() == 0;
}

} // namespace

TEST_CASE("a ticket for which there is no memory leaves the queue as it was") {
    bool all_sound = true;
    std::uint64_t nth = 0;
    std::thread{[&] { // of its own, because it stays poor
        scarce::this_thread_is_poor();
        for (; const std::optional<bool> sound = sound_without(nth); ++nth) all_sound = all_sound && *sound;
    }}
        .join();
    CHECK(all_sound);
    CHECK(nth > 3);
}
