// The walk through all maildrops that removes expired deleted mail: it survives whatever fails on the way.
#include "buzon/upkeep/trash_keeper.h"

#include <new>

#include "support/catch.h"
#include "support/pretended_workers.h"
#include "support/temp_directory.h"

using namespace buzon;
using namespace std::chrono_literals;

namespace {

struct KeptLines final : state::LogSink {
    void write(std::string_view line) override { all.emplace_back(line); }
    std::vector<std::string> all;
};

// A keeper that walks through these Maildirs, which do not exist.
struct Fixture {
    test::TempDirectory directory;
    KeptLines lines;
    event::EventLoop loop;
    state::Log log{&lines, {}};
    state::EventBus events{log};
    test::PretendedWorkers disk{loop};
    state::Settings settings;
    int walks = 0;
    std::vector<std::string> visited;
    bool scarce = false; // the next step of the walk fails for lack of memory
    upkeep::TrashKeeper keeper{loop, disk, settings, events, [this] {
                                   ++walks;
                                   return [this, at = 0]() mutable { return next(at); };
                               }};

    std::pair<std::string, posix::Ids> next(int& at) {
        if (std::exchange(scarce, false)) throw std::bad_alloc{};
        if (at == 3) return {};
        visited.push_back(directory / std::to_string(++at));
        return {visited.back(), {}};
    }
    Fixture() {
        settings.undelete_grace = std::chrono::days{7};
        keeper.settings_changed();
    }
    // Fires the timers as if this much time had passed.
    void after(std::chrono::seconds time) { (void)loop.timers().expire(loop.now() + time); }
};

} // namespace

TEST_CASE("deleted mail is removed from one maildrop after the other, and again an hour later") {
    Fixture f;
    CHECK(f.disk.waiting() == 0);
    f.after(2s);
    CHECK(f.disk.waiting() == 1);
    while (f.disk.work()) {
    }
    CHECK(f.visited.size() == 3);
    CHECK(f.lines.all.empty());
    f.after(59min);
    CHECK(f.disk.waiting() == 0);
    f.after(61min);
    CHECK(f.disk.waiting() == 1);
    CHECK(f.walks == 2);
    f.settings.undelete_grace = {};
    f.keeper.settings_changed();
    CHECK(f.disk.work());
    CHECK(f.disk.waiting() == 0);
    f.after(24h);
    CHECK(f.disk.waiting() == 0);
}

TEST_CASE("if the workers refuse, the walk through all maildrops pauses and then goes on with the next one") {
    Fixture f;
    f.disk.spoil = [](worker::Answer& answer) {
        answer = {};
        answer.fate = worker::Fate::refused;
    };
    f.after(2s);
    CHECK(f.disk.work());
    CHECK(f.disk.waiting() == 0);
    REQUIRE(f.lines.all.size() == 1);
    CHECK(f.lines.all[0].find("cannot remove expired deleted mail in " + f.visited.at(0) + ": ") != std::string::npos);
    f.disk.spoil = nullptr;
    f.after(30s);
    CHECK(f.disk.waiting() == 0);
    f.after(61s);
    CHECK(f.disk.waiting() == 1);
    CHECK(f.visited.size() == 2);
    while (f.disk.work()) {
    }
    CHECK(f.visited.size() == 3);
    CHECK(f.walks == 1);
    CHECK(f.lines.all.size() == 1);
}

TEST_CASE("the walk through all maildrops goes on after it has run out of memory") {
    Fixture f;
    f.after(2s);
    f.scarce = true;
    CHECK_THROWS_AS(f.disk.work(), std::bad_alloc); // in the answer, which does not come again
    CHECK(f.disk.waiting() == 0);
    f.after(61s);
    CHECK(f.disk.waiting() == 1);
    while (f.disk.work()) {
    }
    CHECK(f.visited.size() == 3);
    CHECK(f.walks == 1);
}

TEST_CASE("the walk begins no maildrop while a worker is busy with one, and a new grace period begins the walk again") {
    Fixture f;
    f.after(2s);
    f.after(2h);
    CHECK(f.disk.waiting() == 1);
    f.settings.undelete_grace = std::chrono::days{8};
    f.keeper.settings_changed();
    f.after(2s);
    CHECK(f.disk.waiting() == 1);
    CHECK(f.walks == 1);
    CHECK(f.disk.work());
    CHECK(f.disk.waiting() == 1);
    CHECK(f.walks == 2);
}

TEST_CASE("the walk goes on at once after a maildrop for which no worker can be started") {
    Fixture f;
    f.disk.spoil = [](worker::Answer& answer) {
        answer = {};
        answer.fate = worker::Fate::crashed;
        answer.why = std::make_error_code(std::errc::permission_denied);
    };
    f.after(2s);
    while (f.disk.work()) {
    }
    CHECK(f.visited.size() == 3);
}
