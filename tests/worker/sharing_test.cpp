#include <fcntl.h>

#include <algorithm>
#include <fstream>
#include <list>
#include <optional>
#include <vector>

#include "buzon/worker/pool.h"
#include "buzon/worker/serve.h"
#include "support/catch.h"
#include "support/second_life.h"
#include "support/stalling_file_system.h"
#include "support/starter.h"

using namespace buzon::worker;
using namespace std::chrono_literals;
using buzon::event::EventLoop;
using buzon::posix::UniqueFd;
using buzon::test::StallingFileSystem;

namespace {

enum Task : std::uint8_t { answer_at_once, hang, open_file };

int sharing_worker() {
    return serve([](Request request) -> Reply {
        if (request.kind == hang)
            for (;;) ::pause();
        if (request.kind == open_file) UniqueFd{::open(request.body.c_str(), O_RDONLY | O_CLOEXEC)};
        return {std::move(request.body), {}};
    });
}

const buzon::test::SecondLife sharing_registered{"sharing-worker", sharing_worker};

constexpr std::uint64_t bad_disk = 1;
constexpr std::uint64_t good_disk = 2;

Settings sharing(std::size_t processes, std::size_t kept = 0) {
    Settings s;
    s.max_processes = processes;
    s.kept_for_updates = kept;
    return s;
}

// A pool and the jobs that it was given.
struct Trial {
    EventLoop loop;
    buzon::test::Starting starting{loop, "sharing-worker"};
    Pool pool;
    std::list<Pending> pending;
    std::string answers; // the bodies, in the order in which they came
    std::vector<Fate> failures;

    explicit Trial(Settings settings) : pool{loop, started(settings)} {}
    Settings started(Settings settings) {
        settings.starter = &starting.starter();
        return settings;
    }

    void ask(Task task, std::string body, std::uint64_t where, bool update = false) {
        Job job;
        job.kind = task;
        job.body = std::move(body);
        job.where = where;
        job.update = update;
        pending.push_back(pool.submit(job, [this](const Answer& a) {
            if (a.fate == Fate::answered)
                answers += a.body;
            else
                failures.push_back(a.fate);
        }));
    }
    void ask_to_hang(std::size_t times, std::uint64_t where, bool update = false) {
        for (; times > 0; --times) ask(hang, "", where, update);
    }
    void turn_until(auto condition) {
        const auto end = std::chrono::steady_clock::now() + 120s;
        while (!condition() && std::chrono::steady_clock::now() < end) loop.turn(20ms);
        CHECK(condition());
    }
    void turn_until_answered(const std::string& expected) {
        turn_until([&] { return answers.size() >= expected.size(); });
        CHECK(answers == expected);
    }
    [[nodiscard]] std::size_t running() const { return pool.statistics().running; }
    [[nodiscard]] std::size_t queued() const { return pool.statistics().queued; }
};

} // namespace

TEST_CASE("a file system that hangs keeps half of the workers, and the other half serves other file systems") {
    Trial trial{sharing(4)};
    trial.ask_to_hang(15, bad_disk);
    CHECK(trial.running() == 2);
    for (const char* const name : {"a", "b", "c"}) trial.ask(answer_at_once, name, good_disk);
    trial.turn_until([&] { return trial.answers.size() == 3; });
    CHECK(trial.running() == 2);
    CHECK(trial.queued() == 13);
}

TEST_CASE("jobs that hang on any file system leave workers for updates") {
    Trial trial{sharing(6, 2)};
    trial.ask_to_hang(3, bad_disk);
    trial.ask_to_hang(3, 0); // the file system is unknown
    CHECK(trial.running() == 4);
    trial.ask(answer_at_once, "no", good_disk);
    trial.ask(answer_at_once, "update", good_disk, true);
    trial.turn_until_answered("update");
    CHECK(trial.queued() == 3);
}

TEST_CASE("an update does not wait for other jobs of its file system, and many updates leave workers to others") {
    Trial trial{sharing(8, 2)};
    trial.ask_to_hang(10, bad_disk);
    CHECK(trial.running() == 4);
    trial.ask(answer_at_once, "update", bad_disk, true);
    trial.turn_until_answered("update");
    trial.ask_to_hang(10, bad_disk, true);
    CHECK(trial.running() == 6);
    trial.ask(answer_at_once, "-other", good_disk, true);
    trial.turn_until_answered("update-other");
}

TEST_CASE("hanging workers are replaced by new ones for other file systems, up to a limit") {
    Settings quick = sharing(2);
    quick.hangs_after = 50ms;
    Trial trial{quick};
    trial.ask_to_hang(4, bad_disk);
    trial.ask_to_hang(4, good_disk);
    CHECK(trial.running() == 2);
    trial.turn_until([&] { return trial.pool.statistics().hanging == 2; });
    trial.ask(answer_at_once, "next", 3);
    trial.turn_until_answered("next");
    CHECK(trial.queued() == 6); // one worker of two is half of them

    trial.ask_to_hang(20, 0);
    trial.turn_until([&] { return trial.pool.statistics().hanging == 8; });
    CHECK(trial.pool.statistics().processes == 8);
    trial.ask(answer_at_once, "late", 3);
    trial.pending.erase(std::next(trial.pending.begin(), 9), std::prev(trial.pending.end())); // the 20
    trial.turn_until_answered("nextlate");
}

TEST_CASE("a worker that no longer hangs is used again") {
    Settings quick = sharing(1);
    quick.hangs_after = 50ms;
    Trial trial{quick};
    if (!StallingFileSystem::available()) return;
    StallingFileSystem disk;
    std::ofstream{disk.backing() + "/a"} << "text";
    disk.stall("open");
    trial.ask(open_file, disk.path() + "/a", bad_disk);
    trial.turn_until([&] { return trial.pool.statistics().hanging == 1; });
    disk.release();
    trial.turn_until_answered(disk.path() + "/a");
    CHECK(trial.pool.statistics().hanging == 0);
    trial.ask(answer_at_once, "-again", bad_disk);
    trial.turn_until_answered(disk.path() + "/a-again");
    CHECK(trial.pool.statistics().started == 1);
}

TEST_CASE("a worker that is too late and cannot be killed counts for its file system until that responds") {
    if (!StallingFileSystem::available()) {
        WARN("FUSE file systems cannot be mounted here: nothing tested");
        return;
    }
    StallingFileSystem disk;
    std::ofstream{disk.backing() + "/a"} << "text";
    disk.stall("open");
    Settings quick = sharing(4);
    quick.time_limit = 2s; // enough for both to reach the disk
    Trial trial{quick};
    for (int i = 0; i < 2; ++i) trial.ask(open_file, disk.path() + "/a", bad_disk);
    trial.turn_until([&] { return trial.failures.size() == 2; });
    CHECK(trial.failures == std::vector<Fate>{Fate::too_late, Fate::too_late});
    trial.ask(answer_at_once, "later", bad_disk);
    trial.ask(answer_at_once, "now", good_disk);
    trial.turn_until_answered("now");
    CHECK(trial.pool.statistics().hanging == 2);
    CHECK(trial.queued() == 1);
    disk.release();
    trial.turn_until_answered("nowlater");
}

TEST_CASE("of the jobs that may begin, the oldest comes first") {
    Trial trial{sharing(2)};
    trial.ask_to_hang(1, bad_disk);
    trial.ask(answer_at_once, "a", good_disk);
    trial.ask(answer_at_once, "x", bad_disk);
    trial.ask(answer_at_once, "b", 3);
    trial.ask(answer_at_once, "c", good_disk, true);
    trial.ask(answer_at_once, "d", good_disk);
    trial.turn_until_answered("abcd");
    trial.pending.pop_front(); // the one that hangs
    trial.turn_until_answered("abcdx");
}

TEST_CASE("jobs of a file system that hangs fill only half of the queue, and make room when they are dropped") {
    Settings small = sharing(2);
    small.max_queue = 8;
    Trial trial{small};
    trial.ask_to_hang(1 + 4, bad_disk);
    CHECK(trial.queued() == 4);
    trial.ask(answer_at_once, "no", bad_disk);
    trial.turn_until([&] { return trial.failures.size() == 1; });
    CHECK(trial.failures.front() == Fate::refused);
    trial.ask(answer_at_once, "good", good_disk);
    trial.turn_until_answered("good");

    trial.pending.erase(std::next(trial.pending.begin()),
                        std::next(trial.pending.begin(), 3)); // two of those in the queue
    trial.ask(answer_at_once, "x", bad_disk);
    CHECK(trial.queued() == 3);
}
