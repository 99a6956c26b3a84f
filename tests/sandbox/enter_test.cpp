#include "buzon/sandbox/enter.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>

#include "support/catch.h"
#include "support/temp_directory.h"

using namespace buzon;
using sandbox::Access;
using sandbox::Mode;
using sandbox::Plan;
using sandbox::Role;

namespace {

// The exit code of a child with this plan; 255 if it could not be confined.
int code_within(const Plan& plan, const std::function<int()>& act) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) ::_exit(sandbox::enter(plan) ? act() : 255);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void no_kernel() {
    WARN("this kernel cannot do it: nothing is tested");
}

std::optional<Plan> read(Role role, const std::vector<std::string>& words) {
    std::vector<const char*> all;
    for (const std::string& word : words) all.push_back(word.c_str());
    return sandbox::from_arguments(role, all);
}

} // namespace

TEST_CASE("a plan is the same after a round trip through arguments, and malformed arguments are refused") {
    Plan plan{
        Role::files, Mode::require, {{"/srv/mail", Access::write}, {"/etc/a b:c", Access::read}, {"/x", Access::use}}};
    plan.asks_as_others = true;
    const auto again = read(Role::files, sandbox::to_arguments(plan));
    REQUIRE(again);
    CHECK(again->mode == plan.mode);
    CHECK(again->files == plan.files);
    CHECK(again->asks_as_others);
    for (const Mode mode : {Mode::automatic, Mode::require, Mode::off})
        CHECK(read(Role::hash, sandbox::to_arguments({Role::hash, mode}))->mode == mode);
    for (const std::vector<std::string>& wrong : {std::vector<std::string>{},
                                                  {"maybe"},
                                                  {"auto", "/srv/mail"},
                                                  {"auto", "q:/srv"},
                                                  {"auto", "w:"},
                                                  {"auto", ""}})
        CHECK_FALSE(read(Role::mail, wrong));
}

TEST_CASE("with the sandbox off nothing is given up") {
    CHECK(code_within({Role::hash, Mode::off}, [] {
              const posix::UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
              return socket && ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 && ::access("/etc/passwd", R_OK) == 0 ? 0
                                                                                                                   : 1;
          }) == 0);
}

TEST_CASE("the hash role can open no file or socket, and can neither start nor signal a process") {
    if (!sandbox::available().seccomp) return no_kernel();
    CHECK(code_within({Role::hash}, [] {
              if (::open("/etc/passwd", O_RDONLY | O_CLOEXEC) != -1) return 1;
              if (::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) != -1 || errno != EPERM) return 2;
              if (::execl("/bin/true", "true", nullptr) == 0 || errno != EPERM) return 3;
              if (::fork() != -1 || errno != EPERM) return 4;
              if (::kill(::getppid(), 0) != -1 || errno != EPERM) return 5;
              return 0;
          }) == 0);
}

TEST_CASE("the mail role can create and rename files in its plan, and cannot open others") {
    if (!sandbox::available().landlock) return no_kernel();
    const test::TempDirectory directory;
    const test::TempDirectory other;
    const std::string secret = other.file("secret", "secret\n");
    CHECK(code_within({Role::mail, Mode::require, {{directory.path().string(), Access::write}}}, [&] {
              const posix::UniqueFd made{::open((directory / "letter").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
              if (!made) return 1;
              if (::open(secret.c_str(), O_RDONLY | O_CLOEXEC) != -1 || errno != EACCES) return 2;
              return ::rename((directory / "letter").c_str(), (directory / "moved").c_str()) == 0 ? 0 : 3;
          }) == 0);
}

TEST_CASE("a confined process is not dumpable and cannot make itself dumpable") {
    if (!sandbox::available().seccomp) return no_kernel();
    CHECK(code_within({Role::mail}, [] {
              if (::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != -1 || errno != EPERM) return 1;
              return ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : 2;
          }) == 0);
}
