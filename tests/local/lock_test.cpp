#include "buzon/local/lock.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <optional>

#include "buzon/posix/io.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace buzon;
using namespace buzon::message;
using namespace buzon::local;

namespace {

// A mail root.
struct Place {
    test::TempDirectory directory;
    [[nodiscard]] std::string path() const { return directory.path().string(); }
    [[nodiscard]] std::string file(const std::string& name) const { return directory / name; }
};

posix::Result<LockFiles> open_files(const std::string& root, bool make = true) {
    const posix::UniqueFd folder{::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    return LockFiles::open(folder.get(), make);
}

MaildropLocks open_locks(const std::string& root) {
    return MaildropLocks{std::move(open_files(root)).value()};
}

// The lock, if lock() grants one; for tests that ignore its other two outcomes.
std::optional<MaildropLock> take(MaildropLocks& locks, std::string_view user, LockKind kind,
                                 std::uint64_t session = 1) {
    auto outcome = locks.lock(user, kind, session);
    if (auto* const lock = std::get_if<MaildropLock>(&outcome)) return std::move(*lock);
    return std::nullopt;
}

constexpr auto exclusive = LockKind::exclusive;
constexpr auto shared = LockKind::shared;

// A child process that holds a lock until it is killed.
class OtherProcess {
public:
    OtherProcess(const std::string& root, std::string_view user, LockKind kind) {
        posix::Pipe ready = posix::make_pipe(false).value();
        child_ = ::fork();
        REQUIRE(child_ >= 0);
        if (child_ == 0) {
            MaildropLocks locks = open_locks(root);
            const auto lock = take(locks, user, kind);
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

TEST_CASE("an exclusive lock keeps every other session out, and the refusal says who holds it") {
    const Place place;
    MaildropLocks locks = open_locks(place.path());
    auto first = take(locks, "ana", exclusive, 7);
    REQUIRE(first);
    for (const LockKind kind : {exclusive, shared}) {
        const auto outcome = locks.lock("ana", kind, 8);
        REQUIRE(std::holds_alternative<LockHolder>(outcome));
        const LockHolder& holder = std::get<LockHolder>(outcome);
        CHECK(holder.here);
        CHECK(holder.session == 7);
    }
    CHECK(take(locks, "an", exclusive));
    CHECK(take(locks, "anab", exclusive));
    first->release();
    first->release();
    CHECK(take(locks, "ana", shared));
}

TEST_CASE("shared locks coexist, and keep exclusive ones out until the last is released") {
    const Place place;
    MaildropLocks locks = open_locks(place.path());
    auto one = take(locks, "ana", shared, 1), two = take(locks, "ana", shared, 2);
    REQUIRE(one);
    REQUIRE(two);
    CHECK_FALSE(take(locks, "ana", exclusive));
    one.reset();
    CHECK_FALSE(take(locks, "ana", exclusive));
    CHECK(std::get<LockHolder>(locks.lock("ana", exclusive, 3)).session == 2);
    two.reset();
    CHECK(take(locks, "ana", exclusive));
}

TEST_CASE("locks hold between processes, and end when their process is killed") {
    const Place place;
    MaildropLocks locks = open_locks(place.path());
    {
        const OtherProcess other{place.path(), "ana", exclusive};
        REQUIRE(other.holds);
        const auto outcome = locks.lock("ana", shared, 1);
        REQUIRE(std::holds_alternative<LockHolder>(outcome));
        CHECK_FALSE(std::get<LockHolder>(outcome).here);
        CHECK(take(locks, "eva", exclusive));
        for (const auto& entry : std::filesystem::directory_iterator{place.path() + "/buzon-locks"})
            CHECK(entry.file_size() == 0);
    }
    CHECK(take(locks, "ana", exclusive));
    const auto mine = take(locks, "ana", shared);
    const OtherProcess reader{place.path(), "ana", shared};
    CHECK(reader.holds);
    const OtherProcess writer{place.path(), "ana", exclusive};
    CHECK_FALSE(writer.holds);
}

TEST_CASE("a lock outlives the object that granted it") {
    const Place place;
    std::optional<MaildropLock> lock;
    {
        MaildropLocks locks = open_locks(place.path());
        lock = take(locks, "ana", exclusive);
    }
    MaildropLocks others = open_locks(place.path());
    CHECK_FALSE(take(others, "ana", exclusive));
    lock.reset();
    CHECK(take(others, "ana", exclusive));
}

TEST_CASE("the locks of ten thousand users share a few descriptors, none of the lowest, and do not collide") {
    const Place place;
    MaildropLocks locks = open_locks(place.path());
    std::size_t of_locks = 0;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"}) {
        std::error_code gone;
        if (std::filesystem::read_symlink(entry, gone).string().find("buzon-locks") == std::string::npos) continue;
        ++of_locks;
        CHECK(std::stoi(entry.path().filename()) >= 64); // starting a program copies and closes the lower ones
    }
    CHECK(of_locks == LockFiles::count);
    std::vector<MaildropLock> held;
    for (int i = 0; i < 10000; ++i) {
        auto lock = take(locks, "user" + std::to_string(i), exclusive);
        REQUIRE(lock);
        held.push_back(std::move(*lock));
    }
    held.clear();
    CHECK(take(locks, "user77", exclusive));
}

TEST_CASE("a lock file that cannot be opened or created is an error") {
    const Place place;
    CHECK(open_files(place.path(), false).error().value() == ENOENT);
    std::ofstream{place.file("buzon-locks")} << "a file";
    CHECK(open_files(place.path()).error().value() == ENOTDIR);
    std::filesystem::remove(place.file("buzon-locks"));
    std::filesystem::create_symlink(place.file("nowhere"), place.file("buzon-locks"));
    CHECK(open_files(place.path()).error().value() == ENOTDIR);
    std::filesystem::remove(place.file("buzon-locks"));
    std::filesystem::create_directories(place.file("buzon-locks/07"));
    CHECK_FALSE(open_files(place.path()).ok());
}
