#include "buzon/sandbox/landlock.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>

#include "support/catch.h"
#include "support/temp_directory.h"

using namespace buzon;
using buzon::sandbox::Access;

namespace {

// The errno of `act` in a child with this reach; 0 if it succeeded, -1 if the child could not be confined.
int errno_within(const sandbox::Reach& reach, const std::function<bool()>& act) {
    const auto rules = sandbox::Ruleset::make(reach);
    REQUIRE(rules);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (rules.value().enforce() != 0) ::_exit(255);
        errno = 0;
        ::_exit(act() ? 0 : errno);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 255) return -1;
    return WEXITSTATUS(status);
}

bool opens(const std::string& path, int flags) {
    return posix::UniqueFd{::open(path.c_str(), flags | O_CLOEXEC, 0600)}.get() >= 0;
}

bool kernel_has_it() {
    if (sandbox::landlock_version() > 0) return true;
    WARN("this kernel has no Landlock: nothing is tested here");
    return false;
}

} // namespace

TEST_CASE("a path outside of a Reach cannot be opened, not even through a link or .. from inside") {
    if (!kernel_has_it()) return;
    const test::TempDirectory directory;
    std::filesystem::create_directory(directory / "mine");
    const std::string outside = directory.file("secret", "secret\n");
    std::filesystem::create_symlink(outside, directory / "mine/link");
    directory.file("mine/letter", "letter\n");
    const sandbox::Reach reach{{{directory / "mine", Access::write}}};
    CHECK(errno_within(reach, [&] { return opens(directory / "mine/letter", O_RDONLY); }) == 0);
    CHECK(errno_within(reach, [&] { return opens(outside, O_RDONLY); }) == EACCES);
    CHECK(errno_within(reach, [&] { return opens(directory / "mine/../secret", O_RDONLY); }) == EACCES);
    CHECK(errno_within(reach, [&] { return opens(directory / "mine/link", O_RDONLY); }) == EACCES);
    CHECK(errno_within(reach, [&] { return opens(directory / "new", O_WRONLY | O_CREAT); }) == EACCES);
    CHECK(errno_within(reach, [&] { return opens("/", O_RDONLY | O_DIRECTORY); }) == EACCES);
    CHECK(errno_within(reach, [&] {
              return ::rename((directory / "mine/letter").c_str(), (directory / "letter").c_str()) == 0;
          }) == EACCES);
}

TEST_CASE("Access::write allows creating, moving, truncating and removing files; a FIFO needs Access::use") {
    if (!kernel_has_it()) return;
    const test::TempDirectory directory;
    for (const char* folder : {"new", "cur"}) std::filesystem::create_directory(directory / folder);
    directory.file("new/letter", "letter\n");
    const sandbox::Reach reach{{{directory.path().string(), Access::write}}};
    CHECK(errno_within(reach, [&] {
              return ::rename((directory / "new/letter").c_str(), (directory / "cur/letter").c_str()) == 0 &&
                     ::truncate((directory / "cur/letter").c_str(), 1) == 0 &&
                     opens(directory / "cur/other", O_WRONLY | O_CREAT | O_EXCL) &&
                     ::unlink((directory / "cur/letter").c_str()) == 0 &&
                     ::mkdir((directory / "tmp").c_str(), 0700) == 0 && ::rmdir((directory / "tmp").c_str()) == 0;
          }) == 0);
    CHECK(errno_within(reach, [&] { return ::mkfifo((directory / "fifo").c_str(), 0600) == 0; }) == EACCES);
    CHECK(errno_within(reach, [&] { return ::symlink("/", (directory / "link").c_str()) == 0; }) == EACCES);
    const sandbox::Reach wide{{{directory.path().string(), Access::use}}};
    CHECK(errno_within(wide, [&] { return ::mkfifo((directory / "fifo").c_str(), 0600) == 0; }) == 0);
}

TEST_CASE("Access::read allows neither writing nor executing, and Access::run allows executing") {
    if (!kernel_has_it()) return;
    const test::TempDirectory directory;
    const std::string letter = directory.file("letter", "letter\n");
    for (const std::string& named : {letter, directory.path().string()}) {
        INFO(named);
        const sandbox::Reach reach{{{named, Access::read}}};
        CHECK(errno_within(reach, [&] { return opens(letter, O_RDONLY); }) == 0);
        CHECK(errno_within(reach, [&] { return opens(letter, O_WRONLY); }) == EACCES);
        CHECK(errno_within(reach, [&] { return ::unlink(letter.c_str()) == 0; }) == EACCES);
    }
    const auto runs = [] { return ::execl("/bin/true", "true", nullptr) == 0; };
    CHECK(errno_within({{{"/", Access::read}}}, runs) == EACCES);
    CHECK(errno_within({{{"/", Access::run}}}, runs) == 0);
}

TEST_CASE("a Reach leaves out a missing path and follows a link") {
    if (!kernel_has_it()) return;
    const test::TempDirectory directory;
    std::filesystem::create_directory(directory / "elsewhere");
    const std::string letter = directory.file("elsewhere/letter", "letter\n");
    std::filesystem::create_symlink(directory / "elsewhere", directory / "link");
    const sandbox::Reach reach{{{directory / "missing", Access::write}, {directory / "link", Access::read}}};
    CHECK(errno_within(reach, [&] { return opens(letter, O_RDONLY); }) == 0);
}

TEST_CASE("a Reach refuses signals and TCP unless it allows them, as far as the kernel supports it") {
    if (!kernel_has_it()) return;
    const pid_t parent = ::getpid();
    if (sandbox::landlock_version() >= 6) {
        CHECK(errno_within({}, [&] { return ::kill(parent, 0) == 0; }) == EPERM);
        sandbox::Reach wide;
        wide.signals = true;
        CHECK(errno_within(wide, [&] { return ::kill(parent, 0) == 0; }) == 0);
    }
    const auto binds = [] {
        const posix::UniqueFd socket{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        sockaddr_storage any{};
        any.ss_family = AF_INET6;
        const void* const address = &any;
        return ::bind(socket.get(), static_cast<const sockaddr*>(address), 28) == 0;
    };
    if (sandbox::landlock_version() >= 4) CHECK(errno_within({}, binds) == EACCES);
    sandbox::Reach wide;
    wide.tcp = true;
    CHECK(errno_within(wide, binds) == 0);
}
