#include <unistd.h>

#include <map>
#include <optional>
#include <set>

#include "buzon/worker/pool.h"
#include "buzon/worker/serve.h"
#include "support/catch.h"
#include "support/second_life.h"
#include "support/starter.h"

using namespace buzon::worker;
using namespace std::chrono_literals;
using buzon::event::EventLoop;
using buzon::posix::Ids;

namespace {

enum Wish : std::uint8_t { own_pid, refuse_if_pid_is, refuse, read_file, keep_busy };

int worker_of_owners() {
    return serve([](Request request) -> Reply {
        const std::string pid = std::to_string(::getpid());
        if (request.kind == keep_busy)
            for (;;) ::pause();
        if (request.kind == refuse || (request.kind == refuse_if_pid_is && request.body.find(pid) == 0))
            return {{}, {}, true};
        if (request.kind == refuse_if_pid_is && request.fd) {
            char octets[16];
            const ssize_t n = ::pread(request.fd.get(), octets, sizeof octets, 0);
            return {request.body + std::string(octets, static_cast<std::size_t>(n)), {}};
        }
        return {request.kind == own_pid ? pid : request.body, {}};
    });
}

const buzon::test::SecondLife owners_registered{"owners-worker", worker_of_owners};

// Places below /root belong to the owner of the mail root, whose uid is 7.
Settings of_owners(std::size_t warm) {
    Settings s;
    s.max_processes = 4;
    s.max_warm = warm;
    s.alone = [](const std::string& place, const Ids& owner) {
        return place.rfind("/root/", 0) != 0 || (owner.uid != Ids::unsaid && owner.uid != 7);
    };
    return s;
}

struct Office {
    EventLoop loop;
    buzon::test::Starting starting{loop, "owners-worker"};
    Pool pool;
    explicit Office(const Settings& settings) : pool{loop, started(settings)} {}
    Settings started(Settings settings) {
        settings.starter = &starting.starter();
        return settings;
    }

    void turn_until(auto condition) {
        const auto end = std::chrono::steady_clock::now() + 120s;
        while (!condition() && std::chrono::steady_clock::now() < end) loop.turn(20ms);
        CHECK(condition());
    }
    Answer ask(Job job) {
        std::optional<Answer> answer;
        const Pending pending = pool.submit(job, [&](Answer a) { answer = std::move(a); });
        turn_until([&] { return answer.has_value(); });
        return answer ? std::move(*answer) : Answer{};
    }
    std::string pid_for(const std::string& place, Ids owner = {}) {
        Job job;
        job.kind = own_pid;
        job.place = place;
        job.owner = owner;
        return ask(job).body;
    }
};

} // namespace

TEST_CASE("a dedicated worker serves one place and one owner, and is kept for the next job") {
    Office office{of_owners(8)};
    const std::string shared = office.pid_for("/root/ana");
    CHECK(office.pid_for("") == shared);
    CHECK(office.pid_for("/root/bob", Ids{7, 7}) == shared);
    const std::string bobs = office.pid_for("/root/bob", Ids{8, 8});
    CHECK(bobs != shared);
    CHECK(office.pid_for("/root/bob", Ids{8, 8}) == bobs);
    // The users file was changed: the worker for uid 8 may no longer be used there.
    const std::string other = office.pid_for("/root/bob", Ids{9, 8});
    CHECK(std::set{shared, bobs, other}.size() == 3);
    const std::string home = office.pid_for("/home/cleo/Maildir");
    CHECK(std::set{shared, bobs, other, home}.size() == 4);
    CHECK(office.pid_for("/home/cleo/Maildir") == home);
    CHECK(office.pid_for("/root/ana") == shared);
}

TEST_CASE("a job that a shared worker refuses goes to a dedicated worker, and so do later ones for that place") {
    Office office{of_owners(8)};
    const std::string shared = office.pid_for("/root/ana");
    char name[] = "/tmp/buzon-owners-XXXXXX";
    const auto file = std::make_shared<const buzon::posix::UniqueFd>(::mkstemp(name));
    ::unlink(name);
    REQUIRE(::write(file->get(), "mail", 4) == 4);
    // The job arrives complete at the second worker, with its descriptor, even if it may not be repeated.
    Job job;
    job.kind = refuse_if_pid_is;
    job.body = shared + std::string(200'000, ' ');
    job.file = file;
    job.place = "/root/bob";
    job.repeatable = false;
    const Answer answer = office.ask(job);
    REQUIRE(answer.fate == Fate::answered);
    CHECK(answer.body == job.body + "mail");
    CHECK(office.pool.alone("/root/bob", {}));
    CHECK_FALSE(office.pool.alone("/root/ana", {}));
    CHECK(office.pool.statistics().processes == 2);
    CHECK(office.pool.statistics().started == 2);
    CHECK(office.pid_for("/root/bob") != shared);
    CHECK(office.pid_for("/root/ana") == shared);
    CHECK(office.pool.statistics().started == 2);
}

TEST_CASE("a dedicated worker that refuses a job is replaced by a new one, which may not refuse its first job") {
    Office office{of_owners(8)};
    const std::string first = office.pid_for("/home/cleo");
    Job job;
    job.kind = refuse_if_pid_is;
    job.body = first;
    job.place = "/home/cleo";
    CHECK(office.ask(job).fate == Fate::answered);
    const std::string second = office.pid_for("/home/cleo");
    CHECK(second != first);
    // A worker that refuses its first job is wrong, and the job is not tried for ever.
    job.kind = refuse;
    job.place = "/home/dan";
    CHECK(office.ask(job).body.empty());
    CHECK(office.pool.statistics().started == 3);
}

TEST_CASE("renew() replaces the shared workers, keeps the dedicated ones and loses no job") {
    Office office{of_owners(8)};
    const std::string shared = office.pid_for("/root/ana"), home = office.pid_for("/home/cleo");
    Job busy;
    busy.kind = keep_busy;
    busy.place = "/root/ana";
    Pending pending = office.pool.submit(busy, [](Answer) {});
    const std::string second = office.pid_for("/root/ana");
    CHECK(second != shared);
    office.pool.renew("/other");
    const std::string third = office.pid_for("/root/ana");
    CHECK(std::set{shared, second, third}.size() == 3);
    CHECK(office.pid_for("/home/cleo") == home);
    CHECK(pending.waiting());
    pending.drop();
    CHECK(office.pid_for("/root/ana") == third);
    CHECK(office.pool.statistics().crashed == 0);
}

TEST_CASE("with one_job every job has its own worker") {
    Settings once;
    once.max_processes = 2;
    once.one_job = true;
    Office office{once};
    std::set<std::string> seen;
    for (int i = 0; i < 5; ++i) seen.insert(office.pid_for("/root"));
    CHECK(seen.size() == 5);
    CHECK(office.pool.statistics().crashed == 0);
}

TEST_CASE("a refused job that nobody waits for any more is not given to another worker") {
    Office office{of_owners(8)};
    Job job;
    job.kind = refuse_if_pid_is;
    job.body = office.pid_for("/root/ana");
    job.place = "/root/bob";
    job.abandonable = false;
    office.pool.submit(job, [](Answer) { FAIL("nobody waits"); }).drop();
    office.turn_until([&] { return office.pool.statistics().running == 0; });
    CHECK(office.pid_for("/root/ana") == job.body);
    CHECK(office.pool.statistics().started == 1);
}

TEST_CASE("of the dedicated workers that are kept, the least recently used one goes first") {
    Office office{of_owners(2)};
    const std::string shared = office.pid_for("/root/x");
    const std::string a = office.pid_for("/a");
    const std::string b = office.pid_for("/b");
    CHECK(office.pid_for("/a") == a);
    const std::string c = office.pid_for("/c"); // takes the place of b's worker
    CHECK(office.pool.statistics().processes == 3);
    CHECK(office.pid_for("/a") == a);
    CHECK(office.pid_for("/c") == c);
    CHECK(office.pid_for("/b") != b);
    CHECK(office.pid_for("/root/x") == shared);
    CHECK(office.pool.statistics().processes == 3);
    CHECK(office.pool.statistics().crashed == 0);
}

TEST_CASE("two hundred owners never have more workers than the pool may have, and each gets an answer") {
    Office office{of_owners(3)};
    std::vector<Pending> pending;
    std::set<std::string> answered;
    for (int i = 0; i < 200; ++i) {
        Job job;
        job.kind = read_file;
        job.place = "/home/" + std::to_string(i);
        job.body = job.place;
        pending.push_back(office.pool.submit(job, [&](Answer a) { answered.insert(a.body); }));
    }
    std::size_t most = 0;
    office.turn_until([&] {
        most = std::max(most, office.pool.statistics().processes);
        return answered.size() == 200;
    });
    CHECK(most <= 4 + 3); // four working, three kept
}

TEST_CASE("at most half of the workers use one file system, whoever owns what is on it") {
    Office office{of_owners(4)};
    std::vector<Pending> pending;
    for (int i = 0; i < 6; ++i) {
        Job job;
        job.kind = keep_busy;
        job.place = "/home/" + std::to_string(i);
        job.where = 1;
        pending.push_back(office.pool.submit(job, [](Answer) {}));
    }
    Job other;
    other.kind = own_pid;
    other.place = "/home/elsewhere";
    other.where = 2;
    CHECK(office.ask(other).fate == Fate::answered);
    CHECK(office.pool.statistics().running == 2);
    CHECK(office.pool.statistics().queued == 4);
}

TEST_CASE("without Settings::alone one worker serves every place and every owner") {
    Settings one = of_owners(0);
    one.alone = nullptr;
    Office office{one};
    const std::string pid = office.pid_for("/root/ana");
    CHECK(office.pid_for("/home/cleo/Maildir", Ids{8, 8}) == pid);
    CHECK_FALSE(office.pool.alone("/home/cleo/Maildir", {8, 8}));
}
