#include "buzon/login/opening.h"

#include "logging_in.h"

using namespace buzon;
using namespace buzon::login;

namespace {

// One session that opens user1's maildrop.
struct Visitor {
    explicit Visitor(LoggingIn& with, std::uint64_t session = 1, std::string name = "user1", bool is_folder = false)
        : house{with}
        , user{std::move(name)}
        , opening{std::make_unique<Opening>(with.login_needs, session, user, is_folder,
                                            [this](LoginEnd end) { ended = std::move(end); })} {}

    void start() const {
        opening->start();
        work();
    }
    void work() const {
        while (house.disk.work()) house.loop.turn(std::chrono::milliseconds{0});
    }
    [[nodiscard]] const LoggedIn& in() const {
        REQUIRE(ended);
        REQUIRE(std::holds_alternative<LoggedIn>(*ended));
        return std::get<LoggedIn>(*ended);
    }
    [[nodiscard]] const LoginRefused& refused() const {
        REQUIRE(ended);
        REQUIRE(std::holds_alternative<LoginRefused>(*ended));
        return std::get<LoginRefused>(*ended);
    }

    LoggingIn& house;
    std::string user;
    std::optional<LoginEnd> ended;
    std::unique_ptr<Opening> opening;
};

// A new mail root beside the first one.
local::OpenedRoot another_root(const LoggingIn& house, const std::string& name) {
    const std::string path = house.directory / name;
    std::filesystem::create_directory(path);
    std::string at_fault;
    return maildir::open_mail_root(message::RootRequest::to_choose(path), at_fault).value();
}

} // namespace

TEST_CASE("a maildrop is opened with its lock, and the next session reuses its snapshot") {
    LoggingIn house;
    house.maildir().deliver("1.a", "Subject: one\n\n");
    house.maildir().rest();
    {
        Visitor first{house};
        CHECK_FALSE(first.opening->under_way());
        house.disk.late = true;
        first.start();
        CHECK(first.opening->under_way());
        CHECK_FALSE(first.ended);
        house.disk.late = false;
        first.work();
        CHECK(first.in().maildrop.count() == 1);
        CHECK(first.in().lock.held());
        CHECK(first.in().rights == auth::Rights::all);
    }
    const std::size_t done = house.disk.done;
    Visitor second{house, 2};
    second.opening->start();
    CHECK(second.in().maildrop.count() == 1);
    CHECK(house.disk.done == done);
}

TEST_CASE("a maildrop that another session holds is refused, and the cause names the session") {
    LoggingIn house;
    Visitor first{house, 7};
    first.start();
    REQUIRE(first.in().lock.held());
    Visitor second{house, 8};
    second.start();
    CHECK(second.refused().why == pop3::Refusal::in_use);
    CHECK(second.refused().reason == state::Refused::in_use);
    CHECK(second.refused().cause == "maildrop locked by session 7");
    first.ended.reset();
    Visitor third{house, 9};
    third.start();
    CHECK(third.in().lock.held());
}

TEST_CASE("a client that vanishes while its maildrop is scanned leaves it unlocked") {
    LoggingIn house;
    house.disk.late = true;
    Visitor gone{house};
    gone.start();
    gone.opening.reset();
    CHECK(house.disk.waiting() == 0);
    house.disk.late = false;
    Visitor next{house, 2};
    next.start();
    CHECK(next.in().lock.held());
    CHECK_FALSE(gone.ended);
}

TEST_CASE("the callback may destroy the opening") {
    LoggingIn house;
    const std::string user = "user1";
    std::unique_ptr<Opening> opening;
    int told = 0;
    opening = std::make_unique<Opening>(house.login_needs, 1, user, false, [&](const LoginEnd&) {
        ++told;
        opening.reset();
    });
    opening->start();
    while (house.disk.work()) {
    }
    CHECK(told == 1);
}

TEST_CASE("the callback may destroy another opening that waits for the same scan") {
    LoggingIn house;
    house.settings.sessions = state::SessionRule::shared;
    house.disk.late = true;
    Visitor second{house, 2};
    Visitor third{house, 3};
    int told = 0;
    const std::string user = "user1";
    Opening first{house.login_needs, 1, user, false, [&](const LoginEnd&) {
                      ++told;
                      second.opening.reset();
                  }};
    first.start();
    second.start();
    third.start();
    CHECK(house.disk.waiting() == 1);
    house.disk.late = false;
    third.work();
    CHECK(told == 1);
    CHECK_FALSE(second.ended);
    CHECK(third.in().maildrop.count() == 0);
}

TEST_CASE("temporary trouble is told apart from what only an operator can repair") {
    LoggingIn house;
    house.disk.dead = true;
    Visitor unlucky{house};
    unlucky.start();
    CHECK(unlucky.refused().why == pop3::Refusal::maildrop_unavailable);
    CHECK(unlucky.refused().reason == state::Refused::maildrop);
    house.disk.dead = false;
    (void)house.directory.file("mail/user2", "a file");
    Visitor broken{house, 2, "user2"};
    broken.start();
    CHECK(broken.refused().why == pop3::Refusal::maildrop_broken);
    CHECK(broken.refused().reason == state::Refused::maildrop);
}

TEST_CASE("a missing folder is not created, and is refused like a wrong name") {
    LoggingIn house;
    const std::string folder = std::filesystem::path{house.maildir().path()} / ".Junk";
    house.users.allow_folders(true);
    Visitor visitor{house, 1, "user1+Junk", true};
    visitor.start();
    CHECK(visitor.refused().why == pop3::Refusal::wrong);
    CHECK(visitor.refused().reason == state::Refused::wrong_secret);
    CHECK(visitor.refused().cause == "no such folder");
    CHECK_FALSE(std::filesystem::exists(folder));
}

TEST_CASE("a login looks once for a mail root that has gone, and waits for the result") {
    LoggingIn house;
    house.maildir().deliver("1.a", "Subject: one\n\n");
    const std::string away = house.directory / "away";
    std::filesystem::rename(house.root, away);
    SECTION("it is not back: the login is refused") {
        Visitor visitor{house};
        visitor.start();
        CHECK(visitor.refused().why == pop3::Refusal::maildrop_unavailable);
        CHECK(visitor.refused().cause == "the mail root is gone");
    }
    SECTION("it is back by then: the login goes on") {
        Visitor visitor{house};
        house.disk.late = true;
        visitor.start();
        REQUIRE_FALSE(visitor.ended);
        CHECK(visitor.opening->under_way());
        house.disk.late = false;
        CHECK(house.disk.work()); // the scan finds no root
        REQUIRE_FALSE(visitor.ended);
        std::filesystem::rename(away, house.root);
        visitor.work();
        CHECK(visitor.in().maildrop.count() == 1);
    }
}

TEST_CASE("a login that waits for a mail root goes on in the one that is chosen, and creates nothing in the old one") {
    LoggingIn house;
    std::filesystem::rename(house.root, house.directory / "away");
    Visitor visitor{house};
    house.disk.late = true;
    visitor.start();
    house.disk.late = false;
    CHECK(house.disk.work()); // the scan finds no root
    REQUIRE_FALSE(visitor.ended);
    local::OpenedRoot other = another_root(house, "other");
    test::Maildir{other.root.path + "/user1"}.deliver("1.a", "Subject: other\n\n");
    test::PretendedWorkers* locker = nullptr;
    SECTION("on a local disk") {
        house.keeper.use(std::move(other));
    }
    SECTION("on a disk whose locks another process holds") {
        house.locks.keep_by([&] {
            auto made = std::make_unique<test::PretendedWorkers>(house.loop);
            locker = made.get();
            return made;
        });
        other.files = local::LockFiles::of_another_process(other.root.mark);
        house.keeper.use(std::move(other));
        REQUIRE(locker);
        CHECK(visitor.opening->under_way());
        CHECK(locker->work()); // it opens the lock files
        CHECK(locker->work()); // it takes the lock
    }
    visitor.work();
    CHECK(visitor.in().maildrop.count() == 1);
    CHECK(visitor.in().maildir == house.directory / "other/user1");
    CHECK_FALSE(std::filesystem::exists(house.root));
}

TEST_CASE("a login whose scan fails because another mail root has been chosen goes on there") {
    LoggingIn house;
    house.maildir().deliver("1.a", "Subject: one\n\n");
    house.maildir("user2").deliver("1.a", "Subject: one\n\n");
    house.disk.late = true;
    Visitor visitor{house};
    visitor.start();
    Visitor quick{house, 2, "user2"};
    quick.start();
    local::OpenedRoot other = another_root(house, "other");
    const test::Maildir there{other.root.path + "/user1"};
    for (const std::string name : {"1.b", "1.c"}) there.deliver(name, "Subject: other\n\n");
    house.keeper.use(std::move(other));
    house.disk.late = false;
    house.disk.dead = true;
    CHECK(house.disk.work()); // the scan fails
    house.disk.dead = false;
    visitor.work();
    CHECK(visitor.in().maildrop.count() == 2);
    CHECK(visitor.in().lock.held());
    CHECK(quick.in().maildrop.count() == 1); // it was scanned in the first root
}

TEST_CASE("a login that was waiting for a lock when the mail root went does not take its return for another loss") {
    LoggingIn house;
    test::PretendedWorkers* locker = nullptr;
    house.locks.keep_by([&] {
        auto made = std::make_unique<test::PretendedWorkers>(house.loop);
        locker = made.get();
        return made;
    });
    local::OpenedRoot opened = another_root(house, "other");
    opened.files = local::LockFiles::of_another_process(opened.root.mark);
    house.keeper.use(std::move(opened));
    REQUIRE(locker);
    CHECK(locker->work()); // it opens the lock files
    const std::string root = house.directory / "other";
    std::filesystem::create_directory(root + "/user1");
    Visitor visitor{house};
    visitor.start();
    REQUIRE_FALSE(visitor.ended); // its lock has not come yet
    int roots = 0;
    house.keeper.on_root([&roots] { ++roots; });
    house.keeper.gone(house.keeper.root().mark);
    REQUIRE_FALSE(visitor.ended);
    visitor.work();
    CHECK(visitor.in().lock.held());
    CHECK(roots == 1);
}
