// login/kept_locks_test.cpp - locks that another process holds for us, on a file system that may hang.
#include "buzon/login/kept_locks.h"

#include "buzon/jobs/jobs.h"
#include "buzon/maildir/open_root.h"
#include "support/catch.h"
#include "support/pretended_workers.h"
#include "support/process.h"
#include "support/temp_directory.h"

using namespace buzon;
using namespace buzon::login;
using message::LockKind;

namespace {

// Locks of a mail root, whose keeper answers when the test lets it.
struct KeptElsewhere {
    test::TempDirectory root;
    event::EventLoop loop;
    test::PretendedWorkers* keeper = nullptr;
    std::shared_ptr<KeptLocks> locks;

    KeptElsewhere() {
        locks = std::make_shared<KeptLocks>(local::LockFiles::of_another_process({}));
        begin_keeper();
        CHECK(keep({}) == 0);
    }
    void begin_keeper() {
        auto made = std::make_unique<test::PretendedWorkers>(loop);
        keeper = made.get();
        locks->use(std::move(made));
    }
    // Has the keeper open the lock files, as RootKeeper does. Returns how many held locks were lost.
    std::size_t keep(const std::vector<message::HeldLock>& held) {
        message::RootRequest request = message::RootRequest::to_choose(root.path());
        request.held = held;
        std::size_t lost = 0;
        const auto pending = keeper->submit(jobs::order(jobs::KeepLocks{request}), [&](const worker::Answer& answer) {
            const auto said = jobs::read<jobs::KeepLocks>(answer);
            REQUIRE_FALSE(said.why);
            lost = locks->renew(local::LockFiles::of_another_process(said.answer.root.mark), said.answer.taken);
        });
        work();
        return lost;
    }
    void work() {
        while (keeper->work()) {
        }
    }
};

struct Session {
    KeptElsewhere& house;
    std::uint64_t id;
    LockKind kind = LockKind::exclusive;
    int told = 0;
    std::optional<LockOutcome> outcome{};
    std::unique_ptr<LockWaiter> waiter = std::make_unique<LockWaiter>([this] {
        ++told;
        ask();
    });

    void ask() { outcome = house.locks->take("user", kind, id, *waiter); }
    [[nodiscard]] bool waits() const { return waiter->waiting(); }
    [[nodiscard]] bool holds() const { return outcome && std::holds_alternative<MaildropLock>(*outcome); }
    [[nodiscard]] bool refused() const { return outcome && std::holds_alternative<local::LockHolder>(*outcome); }
    void vanish() {
        outcome.reset();
        waiter.reset();
    }
};

// Whether another server could take the lock.
bool is_free(const KeptElsewhere& house) {
    const posix::UniqueFd folder{::open(house.root.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    local::MaildropLocks others{std::move(local::LockFiles::open(folder.get(), false)).value()};
    return std::holds_alternative<local::MaildropLock>(others.lock("user", LockKind::exclusive, 1));
}

} // namespace

TEST_CASE("if a client vanishes while its lock is being taken, the next one waiting gets it") {
    KeptElsewhere house;
    Session gone{house, 1};
    gone.ask();
    CHECK(gone.waits());
    Session next{house, 2};
    next.ask();
    CHECK(next.waits());
    gone.vanish();
    house.work();
    CHECK(next.holds());
    CHECK(next.told == 2); // once that it was free, once that it had it
    CHECK_FALSE(is_free(house));
    next.vanish();
    house.work();
    CHECK(is_free(house));
}

TEST_CASE("a lock counts as held while it is being freed, and then whoever waits for it is notified") {
    KeptElsewhere house;
    Session first{house, 1};
    first.ask();
    house.work();
    REQUIRE(first.holds());
    int freed = 0;
    LockWaiter quit{[&] { ++freed; }};
    CHECK_FALSE(std::get<MaildropLock>(*first.outcome).release(&quit));
    CHECK(quit.waiting());
    CHECK(house.locks->held().size() == 1);
    Session second{house, 2};
    second.ask();
    CHECK(second.waits());
    CHECK(freed == 0);
    house.work();
    CHECK(freed == 1);
    CHECK(second.holds());
    CHECK(house.locks->held().size() == 1);
}

TEST_CASE("a release that the keeper process does not accept is sent again, and whoever waits for it is notified") {
    KeptElsewhere house;
    Session session{house, 1};
    session.ask();
    house.work();
    REQUIRE(session.holds());
    int freed = 0;
    LockWaiter quit{[&] { ++freed; }};
    house.keeper->spoil = [](worker::Answer& answer) { answer.fate = worker::Fate::refused; };
    CHECK_FALSE(std::get<MaildropLock>(*session.outcome).release(&quit));
    house.work();
    CHECK(quit.waiting());
    CHECK(house.locks->held().size() == 1);
    house.keeper->spoil = nullptr;
    CHECK(test::eventually([&] {
        house.loop.turn(std::chrono::milliseconds{10});
        house.work();
        return freed == 1;
    }));
    CHECK(house.locks->held().empty());
    CHECK(is_free(house));
}

TEST_CASE("sessions that share a lock take it once, and the last one frees it") {
    KeptElsewhere house;
    Session first{house, 1, LockKind::shared};
    Session second{house, 2, LockKind::shared};
    Session alone{house, 3};
    first.ask();
    second.ask();
    CHECK(second.waits());
    house.work();
    CHECK(first.holds());
    CHECK(second.holds());
    alone.ask();
    CHECK(alone.refused());
    first.vanish();
    CHECK_FALSE(house.keeper->work()); // the keeper has nothing to do
    CHECK_FALSE(is_free(house));
    second.vanish();
    house.work();
    CHECK(is_free(house));
}

TEST_CASE("a lock that another server holds is refused, and can be taken later") {
    KeptElsewhere house;
    const posix::UniqueFd folder{::open(house.root.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    local::MaildropLocks others{std::move(local::LockFiles::open(folder.get(), false)).value()};
    auto theirs = others.lock("user", LockKind::exclusive, 1);
    Session session{house, 1};
    session.ask();
    house.work();
    REQUIRE(session.refused());
    CHECK_FALSE(std::get<local::LockHolder>(*session.outcome).here);
    CHECK(house.locks->held().empty());
    theirs = std::error_code{};
    session.ask();
    house.work();
    CHECK(session.holds());
}

TEST_CASE("losing the keeper fails the locks being taken, and the next keeper takes the held ones again") {
    KeptElsewhere house;
    Session holder{house, 1};
    holder.ask();
    house.work();
    REQUIRE(holder.holds());

    Session waiting{house, 2};
    waiting.outcome = house.locks->take("other", LockKind::exclusive, 2, *waiting.waiter);
    CHECK(waiting.waits());
    const std::vector<message::HeldLock> held = house.locks->held();
    house.begin_keeper(); // the previous one is forgotten
    CHECK_FALSE(waiting.waits());
    REQUIRE(waiting.outcome);
    CHECK(std::get<std::error_code>(*waiting.outcome).value() == ESTALE);
    CHECK(house.keep(held) == 0);
    CHECK_FALSE(is_free(house));
    house.work(); // "other" was listed as held, and is no longer
    holder.vanish();
    house.work();
    CHECK(is_free(house));
    CHECK(house.locks->held().empty());
}

TEST_CASE("a lock that is freed after its root has gone is free at once") {
    KeptElsewhere house;
    Session holder{house, 1};
    holder.ask();
    house.work();
    REQUIRE(holder.holds());
    house.locks->let_go();
    LockWaiter quit{[] {}};
    CHECK(std::get<MaildropLock>(*holder.outcome).release(&quit));
    CHECK(house.locks->held().empty());
    Session next{house, 2};
    next.ask();
    REQUIRE(next.outcome);
    CHECK(std::get<std::error_code>(*next.outcome).value() == ESTALE);
}
