// What a TLS program can still do if its rights are given up before it starts.
#include "buzon/sandbox/tls_program.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>
#include <thread>

#include "support/catch.h"
#include "support/sanitized.h"
#include "support/temp_directory.h"

using namespace buzon;
using sandbox::Access;
using sandbox::Mode;

namespace {

// The exit code of a child that runs `act` with the rights of the TLS program `program`.
int code_as(const std::string& program, const std::function<int()>& act, Mode mode = Mode::automatic) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (sandbox::enter_as_tls_program(program, mode)) ::_exit(255);
        ::_exit(act());
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int execute(const char* program) {
    ::execl(program, program, nullptr);
    return errno;
}

bool may_run(const std::string& program, const std::string& what) {
    const sandbox::Reach reach = sandbox::reach_of_tls_program(program);
    for (const sandbox::Allowed& one : reach.files)
        if (one.path == what) return one.access == Access::run;
    return false;
}

} // namespace

TEST_CASE("a confined TLS program can be executed, but no other program can") {
    CHECK(code_as("/bin/true", [] { return execute("/bin/true"); }) == 0);
    CHECK(code_as(
              "/bin/true", [] { return execute("/bin/false"); }, Mode::off) == 1);
    if (sandbox::landlock_version() == 0) {
        WARN("this kernel has no Landlock: the rest is not tested");
        return;
    }
    CHECK(code_as("/bin/true", [] { return execute("/bin/false"); }) == EACCES);
}

TEST_CASE("a TLS program that is a script can execute programs in the system directories") {
    const test::TempDirectory directory;
    const std::string script = directory.script("tls", "exec /bin/false");
    CHECK(may_run(script, "/usr"));
    CHECK_FALSE(may_run("/bin/true", "/usr"));
    CHECK(code_as(script, [&] { return execute(script.c_str()); }) == 1);
}

TEST_CASE("a missing or incomplete ELF file is treated as a script") {
    const test::TempDirectory directory;
    for (const std::string& text : {std::string{},
                                    std::string{"\x7f"
                                                "ELF"},
                                    std::string{"\x7f"
                                                "ELF"} +
                                        std::string(60, '\0')})
        CHECK(may_run(directory.file("broken", text), "/usr"));
    CHECK(may_run(directory / "none", "/usr"));
}

TEST_CASE("a TLS program can start threads but no process, and can signal only itself") {
    if (!sandbox::can_filter_system_calls() || test::sanitized) {
        WARN("no filter, or a sanitizer that needs what it refuses: nothing is tested");
        return;
    }
    CHECK(code_as("/bin/true", [] {
              int value = 1;
              std::thread{[&] { value = 0; }}.join();
              return value;
          }) == 0);
    CHECK(code_as("/bin/true", [] { return ::fork() < 0 ? errno : 0; }) == EPERM);
    CHECK(code_as("/bin/true", [] { return ::kill(::getpid(), 0); }) == 0);
    CHECK(code_as("/bin/true", [] { return ::kill(::getppid(), 0) < 0 ? errno : 0; }) == EPERM);
}
