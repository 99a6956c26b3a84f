#include "buzon/mail/lock.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <csignal>
#include <optional>

#include "maildir_fixture.h"

using namespace buzon;
using namespace buzon::mail;

namespace {

// What lock() gives, for tests that look at one of the three.
std::optional<MaildropLock> take(MaildropLocks& locks, std::string_view user, LockKind kind,
                                 std::uint64_t session = 1) {
    auto outcome = locks.lock(user, kind, session, 1000);
    if (auto* const lock = std::get_if<MaildropLock>(&outcome)) return std::move(*lock);
    return std::nullopt;
}

constexpr auto exclusive = LockKind::exclusive;
constexpr auto shared = LockKind::shared;

// A child that holds locks of its own until it is told to end.
class OtherProcess {
public:
    OtherProcess(const std::string& root, std::string_view user, LockKind kind) {
        posix::Pipe ready = posix::make_pipe(false).value();
        child_ = ::fork();
        REQUIRE(child_ >= 0);
        if (child_ == 0) {
            auto locks = MaildropLocks::open(root);
            const auto lock = locks ? take(locks.value(), user, kind) : std::nullopt;
            static_cast<void>(posix::write_all(ready.write_end.get(), lock ? "y" : "n"));
            for (;;) ::pause();
        }
        char answer = 0;
        REQUIRE(posix::read_some(ready.read_end.get(), {&answer, 1}).bytes == 1);
        holds = answer == 'y';
    }
    ~OtherProcess() {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }
    OtherProcess(const OtherProcess&) = delete;
    OtherProcess& operator=(const OtherProcess&) = delete;
    bool holds = false;

private:
    pid_t child_;
};

} // namespace

TEST_CASE("an exclusive lock keeps every other session out, and says who holds it") {
    const TestMaildir place;
    MaildropLocks locks = std::move(MaildropLocks::open(place.path())).value();
    auto first = take(locks, "ana", exclusive, 7);
    REQUIRE(first);
    for (const LockKind kind : {exclusive, shared}) {
        const auto outcome = locks.lock("ana", kind, 8, 2000);
        REQUIRE(std::holds_alternative<LockHolder>(outcome));
        const LockHolder& holder = std::get<LockHolder>(outcome);
        CHECK(holder.here);
        CHECK(holder.session == 7);
        CHECK(holder.since == 1000);
        CHECK(holder.kind == exclusive);
    }
    CHECK(take(locks, "an", exclusive));
    CHECK(take(locks, "anab", exclusive));
    first->release();
    first->release();
    CHECK(take(locks, "ana", shared));
}

TEST_CASE("shared locks go together, and keep exclusive ones out until the last is gone") {
    const TestMaildir place;
    MaildropLocks locks = std::move(MaildropLocks::open(place.path())).value();
    auto one = take(locks, "ana", shared, 1), two = take(locks, "ana", shared, 2);
    REQUIRE(one);
    REQUIRE(two);
    CHECK_FALSE(take(locks, "ana", exclusive));
    one.reset();
    CHECK_FALSE(take(locks, "ana", exclusive));
    CHECK(locks.holder("ana")->session == 2);
    two.reset();
    CHECK_FALSE(locks.holder("ana"));
    CHECK(take(locks, "ana", exclusive));
}

TEST_CASE("locks hold between processes, and end with the process that is killed") {
    const TestMaildir place;
    MaildropLocks locks = std::move(MaildropLocks::open(place.path())).value();
    {
        const OtherProcess other{place.path(), "ana", exclusive};
        REQUIRE(other.holds);
        const auto outcome = locks.lock("ana", shared, 1, 2000);
        REQUIRE(std::holds_alternative<LockHolder>(outcome));
        CHECK_FALSE(std::get<LockHolder>(outcome).here);
        CHECK(std::get<LockHolder>(outcome).since == 1000);
        CHECK(std::get<LockHolder>(outcome).kind == exclusive);
        CHECK(take(locks, "eva", exclusive));
    }
    CHECK(take(locks, "ana", exclusive));
    const auto mine = take(locks, "ana", shared);
    const OtherProcess reader{place.path(), "ana", shared};
    CHECK(reader.holds);
    const OtherProcess writer{place.path(), "ana", exclusive};
    CHECK_FALSE(writer.holds);
}

TEST_CASE("since when a lock is held is told between processes, though their clocks differ") {
    const TestMaildir place;
    MaildropLocks locks = std::move(MaildropLocks::open(place.path())).value();
    const OtherProcess other{place.path(), "ana", shared};
    REQUIRE(other.holds);
    const std::int64_t taken = 1000;
    constexpr std::pair<std::int64_t, std::int64_t> seen[] = {
        {1000, 1000}, {1001, 1001}, {1002, 1000}, {1777, 1001}, {1000 + 6 * 86400, 1000}, {999, 999}, {1, 1}};
    for (const auto& [now, since] : seen) {
        const auto outcome = locks.lock("ana", exclusive, 1, now);
        REQUIRE(std::holds_alternative<LockHolder>(outcome));
        INFO("taken " << taken << ", now " << now);
        CHECK(std::get<LockHolder>(outcome).since == since);
        CHECK(std::get<LockHolder>(outcome).kind == shared);
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator{place.path() + "/buzon-locks"})
        CHECK(entry.file_size() == 0);
}

TEST_CASE("a lock outlives the object that gave it") {
    const TestMaildir place;
    std::optional<MaildropLock> lock;
    {
        MaildropLocks locks = std::move(MaildropLocks::open(place.path())).value();
        lock = take(locks, "ana", exclusive);
    }
    MaildropLocks others = std::move(MaildropLocks::open(place.path())).value();
    CHECK_FALSE(take(others, "ana", exclusive));
    lock.reset();
    CHECK(take(others, "ana", exclusive));
}

TEST_CASE("ten thousand users cost the same few descriptors, none of the lowest, and do not meet") {
    const TestMaildir place;
    MaildropLocks locks = std::move(MaildropLocks::open(place.path())).value();
    std::size_t of_locks = 0;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
        std::error_code gone;
        if (std::filesystem::read_symlink(entry, gone).string().find("buzon-locks") == std::string::npos) continue;
        ++of_locks;
        CHECK(std::stoi(entry.path().filename()) >= 64); // what a program that is started copies and closes
    }
    CHECK(of_locks == MaildropLocks::descriptors);
    std::vector<MaildropLock> held;
    for (int i = 0; i < 10000; ++i) {
        auto lock = take(locks, "user" + std::to_string(i), exclusive);
        REQUIRE(lock);
        held.push_back(std::move(*lock));
    }
    held.clear();
    CHECK(take(locks, "user77", exclusive));
}

TEST_CASE("the lock file of an earlier version makes room for the directory, but not while a server uses it") {
    const TestMaildir place;
    const std::string path = place.file("buzon-locks");
    const auto put_old = [&](std::string_view octets) {
        std::filesystem::remove_all(path);
        std::ofstream{path, std::ios::binary} << octets;
    };
    // A hint: the name's hash, since when, and a sum; far behind it another. What lies between was never written.
    const std::uint64_t words[] = {7, 1000, (7 * 0x9E3779B97F4A7C15) ^ 1000};
    const std::string hint{static_cast<const char*>(static_cast<const void*>(words)), sizeof words};
    for (const std::string& old : {std::string{}, hint, std::string(24 * 5000, '\0') + hint}) {
        put_old(old);
        auto locks = MaildropLocks::open(place.path());
        REQUIRE(locks.ok());
        CHECK(std::filesystem::is_directory(path));
        CHECK(take(locks.value(), "ana", exclusive));
    }
    // A server that has it open, with a session and without one.
    put_old(hint);
    {
        posix::UniqueFd open{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
        CHECK(MaildropLocks::open(place.path()).error().value() == EBUSY);
        struct flock range {};
        range.l_type = F_RDLCK;
        range.l_start = (off_t{1} << 62) + 7;
        range.l_len = 1;
        REQUIRE(::fcntl(open.get(), F_OFD_SETLK, &range) == 0);
        CHECK(MaildropLocks::open(place.path()).error().value() == EBUSY);
        CHECK(std::filesystem::file_size(path) == hint.size());
    }
    CHECK(MaildropLocks::open(place.path()).ok());
    // Anything else is somebody's own.
    for (const std::string& other : {std::string{"a file"}, hint + "x", std::string(23, '\0') + 'x'}) {
        put_old(other);
        CHECK(MaildropLocks::open(place.path()).error().value() == ENOTDIR);
        CHECK(std::filesystem::file_size(path) == other.size());
    }
    std::filesystem::remove(path);
    std::filesystem::create_symlink(place.file("nowhere"), path);
    CHECK(MaildropLocks::open(place.path()).error().value() == ENOTDIR);
}

TEST_CASE("a lock file that cannot be is an error, not a lock") {
    const TestMaildir place;
    CHECK(MaildropLocks::open(place.path() + "/no").error().value() == ENOENT);
    std::ofstream{place.file("buzon-locks")} << "a file";
    CHECK(MaildropLocks::open(place.path()).error().value() == ENOTDIR);
    std::filesystem::remove(place.file("buzon-locks"));
    std::filesystem::create_directories(place.file("buzon-locks/07"));
    CHECK_FALSE(MaildropLocks::open(place.path()).ok());
}
