#include "buzon/upkeep/history_keeper.h"

#include "support/catch.h"
#include "support/mail.h"
#include "support/pretended_workers.h"
#include "support/temp_directory.h"

using namespace buzon;
using namespace std::chrono_literals;
using upkeep::until_minute_ends;

TEST_CASE("the history is sampled shortly before each minute ends, whatever the time is now") {
    const std::chrono::system_clock::time_point minute{29'000'000min};
    CHECK(until_minute_ends(minute) == 59'950ms);
    CHECK(until_minute_ends(minute + 30s) == 29'950ms);
    CHECK(until_minute_ends(minute + 58'950ms) == 1s);
    CHECK(until_minute_ends(minute + 58'951ms) == 60'999ms); // sampled just now, a little early
    CHECK(until_minute_ends(minute + 59'950ms) == 60s);
    CHECK(until_minute_ends(minute + 59'999ms) == 59'951ms);
    CHECK(until_minute_ends(minute + 10s + 1ns) == 49'950ms); // never too early
    for (auto at = minute; at < minute + 2min; at += 7ms) {
        const auto sampled = at + until_minute_ends(at);
        CHECK(sampled - std::chrono::floor<std::chrono::minutes>(sampled) == 59'950ms);
    }
}

TEST_CASE("at shutdown a worker writes the history, and the next server continues it") {
    const test::TempDirectory directory;
    event::EventLoop loop;
    test::PretendedWorkers disk{loop};
    state::Log log;
    state::EventBus events{log};
    state::Metrics metrics;
    upkeep::HistoryKeeper keeper{loop, disk, events, directory.path().string(),
                                 [&]() -> const state::Metrics& { return metrics; }};
    keeper.begin();
    int ended = 0;
    keeper.finish([&] { ++ended; });
    CHECK(ended == 0);
    CHECK_FALSE(std::filesystem::exists(keeper.file().path()));
    CHECK(disk.work());
    CHECK(ended == 1);
    upkeep::HistoryKeeper next{loop, disk, events, directory.path().string(),
                               [&]() -> const state::Metrics& { return metrics; }};
    CHECK_FALSE(next.restore(test::read_whole(next.file().path())));
    CHECK(next.restore("something else"));
}

TEST_CASE("without --state no history is written, and shutdown does not wait") {
    event::EventLoop loop;
    test::PretendedWorkers disk{loop};
    state::Log log;
    state::EventBus events{log};
    const state::Metrics metrics;
    upkeep::HistoryKeeper keeper{loop, disk, events, "", [&]() -> const state::Metrics& { return metrics; }};
    keeper.begin();
    int ended = 0;
    keeper.finish([&] { ++ended; });
    CHECK(ended == 1);
    CHECK(disk.waiting() == 0);
}
