// login/delay_keeper_test.cpp - a worker writes the recent logins to a file at shutdown.
#include "buzon/login/delay_keeper.h"

#include "support/catch.h"
#include "support/mail.h"
#include "support/pretended_workers.h"
#include "support/temp_directory.h"

using namespace buzon;
using namespace std::chrono_literals;

namespace {

struct KeptDelays {
    test::TempDirectory directory;
    event::EventLoop loop;
    test::PretendedWorkers disk{loop};
    state::Log log;
    state::EventBus events{log};
    state::Settings settings;
    login::LoginDelays delays{10};
    login::DelayKeeper keeper{loop, disk, settings, delays, events, directory.path().string()};
    int ended = 0;

    KeptDelays() {
        settings.login_delay = 60s;
        keeper.begin();
    }
    void log_in(std::string_view user) { delays.logged_in(user, settings.login_delay, loop.now()); }
    void finish() {
        keeper.finish([this] { ++ended; });
    }
    [[nodiscard]] std::string content() const { return test::read_whole(keeper.file().path()); }
};

} // namespace

TEST_CASE("at shutdown, a worker writes the recent logins to a file") {
    KeptDelays kept;
    kept.log_in("user1");
    kept.finish();
    CHECK(kept.ended == 0);
    CHECK(kept.disk.work());
    CHECK(kept.ended == 1);
    CHECK(kept.content().find(" user1\n") != std::string::npos);
    CHECK(kept.keeper.restore(kept.content()));
    CHECK_FALSE(kept.keeper.restore("something else"));
}

TEST_CASE("shutdown does not wait if there are no new logins to write") {
    KeptDelays kept;
    kept.finish();
    CHECK(kept.ended == 1);
    CHECK(kept.disk.waiting() == 0);
}
