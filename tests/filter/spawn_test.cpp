#include "buzon/filter/spawn.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <sstream>

#include "filter_support.h"
#include "support/catch.h"

using namespace buzon;
using namespace buzon::filter;

namespace {

const Environment somebody{"ana", "1700.M1P2.host", "2001:db8::1"};

struct Finished {
    int status = -1;
    std::string output;
    std::string errors;
};

// Starts a program and waits for it, as only a test may.
struct Starter {
    Launch start(const std::string& path, const std::vector<std::string>& arguments) {
        output = std::move(posix::make_pipe(false).value());
        errors = std::move(posix::make_pipe(false).value());
        const posix::UniqueFd input = message("input\n");
        return launcher.start({path, arguments, environment, input.get(), output.write_end.get(),
                               errors.write_end.get(), limits, run_as});
    }
    Finished run(const std::string& path, const std::vector<std::string>& arguments = {}) {
        Launch launch = start(path, arguments);
        INFO(launch.step << ": " << launch.why.message());
        REQUIRE(launch.ok());
        Finished finished;
        output.write_end.reset();
        errors.write_end.reset();
        finished.output = to_end(output.read_end.get());
        finished.errors = to_end(errors.read_end.get());
        CHECK(::waitpid(launch.started.pid, &finished.status, 0) == launch.started.pid);
        return finished;
    }
    std::string output_of(const std::string& commands) { return run("/bin/sh", {"-c", commands}).output; }

    static std::string to_end(int fd) {
        std::string text;
        char piece[4096];
        for (ssize_t n = 0; (n = ::read(fd, piece, sizeof piece)) > 0;) text.append(piece, static_cast<std::size_t>(n));
        return text;
    }

    Launcher launcher;
    posix::Pipe output, errors;
    Environment environment = somebody;
    ResourceLimits limits;
    const RunAs* run_as = nullptr;
};

} // namespace

TEST_CASE("a program gets its words as they are, and standard input, output and error") {
    Starter starter;
    const Finished finished = starter.run(
        "/bin/sh", {"-c", "cat; printf '[%s]' \"$@\"; echo oops >&2; exit 3", "$0", "a b", "", "$x", "'\"\n"});
    CHECK(finished.output == "input\n[a b][][$x]['\"\n]");
    CHECK(finished.errors == "oops\n");
    CHECK(WIFEXITED(finished.status));
    CHECK(WEXITSTATUS(finished.status) == 3);
    using namespace std::string_literals;
    CHECK(starter.run("/bin/cat", {"/proc/self/cmdline"}).output == "/bin/cat\0/proc/self/cmdline\0"s);
}

TEST_CASE("the environment holds five names and nothing else") {
    ::setenv("BUZON_SECRET", "x", 1);
    Starter starter;
    CHECK(starter.run("/usr/bin/env").output ==
          "BUZON_USER=ana\nBUZON_UIDL=1700.M1P2.host\nBUZON_CLIENT_IP=2001:db8::1\n"
          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nLANG=C.UTF-8\n");
    ::unsetenv("BUZON_SECRET");
}

TEST_CASE("a program starts in a clean room") {
    // What the server has, the program must not: ignored and blocked signals, open descriptors, a wide umask.
    const posix::UniqueFd leak{::open("/dev/null", O_RDONLY)}; // not close-on-exec
    const posix::UniqueFd high{::fcntl(leak.get(), F_DUPFD, 500)};
    struct sigaction before {};
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGUSR1, &ignore, &before);
    sigset_t blocked;
    sigset_t mask;
    sigemptyset(&blocked);
    for (const int number : {SIGTERM, SIGCHLD, SIGRTMIN}) sigaddset(&blocked, number);
    ::sigprocmask(SIG_BLOCK, &blocked, &mask);
    const mode_t old_umask = ::umask(0);

    Starter starter;
    CHECK(starter.output_of("ls /proc/self/fd | tr '\\n' ' '") == "0 1 2 3 "); // 3: the directory ls reads
    const std::string status = starter.run("/bin/cat", {"/proc/self/status"}).output;
    CHECK(status.find("\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n") !=
          std::string::npos);
    CHECK(status.find("\nNoNewPrivs:\t1\n") != std::string::npos);
    CHECK(starter.output_of("pwd; umask") == "/\n0077\n");
    CHECK(starter.output_of("set -- $(cat /proc/$$/stat); test $5 = $$ && echo leader") == "leader\n");

    ::umask(old_umask);
    sigset_t now;
    ::sigprocmask(SIG_SETMASK, &mask, &now);
    CHECK(sigismember(&now, SIGTERM) == 1); // and the server has kept what it had
    CHECK(sigismember(&now, SIGINT) == 0);
    struct sigaction still {};
    ::sigaction(SIGUSR1, &before, &still);
    CHECK(still.sa_handler == SIG_IGN);
}

TEST_CASE("limits are set, and never above those of the server") {
    Starter starter;
    starter.limits = {7, 1 << 30, 1 << 20, 100, 64};
    CHECK(starter.output_of("ulimit -t; ulimit -Ht; ulimit -v; ulimit -n; ulimit -Hn; ulimit -c; ulimit -Hc") ==
          "7\n12\n1048576\n64\n64\n0\n0\n");
    CHECK(starter.output_of("grep -E 'Max (file size|processes)' /proc/self/limits | tr -s ' '") ==
          "Max file size 1048576 1048576 bytes \nMax processes 100 100 processes \n");

    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit lower = before;
    lower.rlim_cur = std::min<rlim_t>(before.rlim_cur, 900);
    ::setrlimit(RLIMIT_NOFILE, &lower);
    starter.limits = {0, 0, 0, 0, 0};
    CHECK(starter.output_of("ulimit -n") == std::to_string(lower.rlim_cur) + "\n");
    starter.limits.open_files = 1'000'000'000;
    CHECK(starter.output_of("ulimit -n") == std::to_string(lower.rlim_cur) + "\n");
    ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST_CASE("a program that cannot be loaded is known at once, and leaves nothing behind") {
    const TemporaryDirectory directory;
    Starter starter;
    const std::size_t descriptors = open_descriptors();
    struct Row {
        std::string path;
        int error;
    };
    for (const Row& row :
         {Row{directory.path("none"), ENOENT}, Row{directory.file("plain", "x"), EACCES}, Row{"/tmp", EACCES},
          Row{directory.file("no-interpreter", "echo x\n", 0755), ENOEXEC},
          Row{directory.file("lost-interpreter", "#!/no/such/shell\n", 0755), ENOENT}, Row{"/bin/cat/x", ENOTDIR}}) {
        const Launch launch = starter.start(row.path, {});
        INFO(row.path);
        CHECK_FALSE(launch.ok());
        CHECK(launch.why.value() == row.error);
        CHECK(launch.step == "execve");
    }
    const std::vector<std::string> too_long(40, std::string(120'000, 'x'));
    CHECK(starter.start("/bin/true", too_long).why.value() == E2BIG);
    for (posix::Pipe* pipe : {&starter.output, &starter.errors}) {
        pipe->read_end.reset();
        pipe->write_end.reset();
    }
    CHECK(open_descriptors() == descriptors);
    CHECK(children().empty());
}

TEST_CASE("descriptors arrive whatever their numbers are here") {
    // The child of a server whose standard descriptors were closed: its pipes have the numbers 0, 1 and 2, crosswise.
    Starter starter;
    int saved[3];
    for (int i = 0; i < 3; ++i) saved[i] = ::fcntl(i, F_DUPFD_CLOEXEC, 100);
    posix::Pipe output = std::move(posix::make_pipe(false).value());
    posix::Pipe errors = std::move(posix::make_pipe(false).value());
    const posix::UniqueFd input = message("input\n");
    const std::vector<std::string> arguments{"-c", "cat; echo oops >&2"};
    ::dup3(output.write_end.get(), 0, O_CLOEXEC);
    ::dup3(errors.write_end.get(), 1, O_CLOEXEC);
    ::dup3(input.get(), 2, O_CLOEXEC);
    const Launch launch = starter.launcher.start({"/bin/sh", arguments, somebody, 2, 0, 1, starter.limits, nullptr});
    for (int i = 0; i < 3; ++i) {
        ::dup2(saved[i], i);
        ::close(saved[i]);
    }
    REQUIRE(launch.ok());
    output.write_end.reset();
    errors.write_end.reset();
    CHECK(Starter::to_end(output.read_end.get()) == "input\n");
    CHECK(Starter::to_end(errors.read_end.get()) == "oops\n");
    ::waitpid(launch.started.pid, nullptr, 0);
}

TEST_CASE("a program runs as the user that was asked for, with that user's groups alone") {
    if (::geteuid() != 0) return;
    const posix::Result<RunAs> nobody = resolve_user("nobody");
    REQUIRE(nobody);
    Starter starter;
    starter.run_as = &nobody.value();
    const std::string ids = std::to_string(nobody.value().uid) + " " + std::to_string(nobody.value().uid) + " " +
                            std::to_string(nobody.value().gid) + " " + std::to_string(nobody.value().gid);
    CHECK(starter.output_of("echo $(id -u) $(id -ru) $(id -g) $(id -rg)") == ids + "\n");
    CHECK(starter.output_of("id -G") == std::to_string(nobody.value().gid) + "\n");

    const TemporaryDirectory directory;
    CHECK(starter.start(directory.file("root-only", "#!/bin/sh\n", 0700), {}).why.value() == EACCES);
}

TEST_CASE("a user that does not exist is no user") {
    CHECK(resolve_user("no-such-user-here").error().value() == ENOENT);
    const posix::Result<RunAs> root = resolve_user("root");
    REQUIRE(root);
    CHECK(root.value().uid == 0);
    CHECK_FALSE(root.value().groups.empty());
}

TEST_CASE("a program dies with the server") {
    // The server: a process of its own, which is killed.
    posix::Pipe report = std::move(posix::make_pipe(false).value());
    const pid_t server = ::fork();
    REQUIRE(server >= 0);
    if (server == 0) {
        Starter starter;
        const Launch launch = starter.start("/bin/sleep", {"1000"});
        (void)!::write(report.write_end.get(), &launch.started.pid, sizeof launch.started.pid);
        for (;;) ::pause();
    }
    pid_t program = -1;
    REQUIRE(::read(report.read_end.get(), &program, sizeof program) == static_cast<ssize_t>(sizeof program));
    REQUIRE(program > 0);
    CHECK(process_exists(program));
    ::kill(server, SIGKILL);
    ::waitpid(server, nullptr, 0);
    wait_until([&] { return !process_exists(program); });
    CHECK_FALSE(process_exists(program));
}

TEST_CASE("a start copies nothing of a large server, and its one stack serves any number of starts") {
    Starter starter;
    std::string big(std::size_t{64} << 20, 'x');
    rusage before{};
    ::getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < 100; ++i) {
        CHECK(starter.run("/bin/true").status == 0);
        // After a fork() each of these 16384 pages would cost a page fault.
        if (i % 20 == 0) {
            for (std::size_t k = 0; k < big.size(); k += 4096) ++big[k];
        }
    }
    rusage after{};
    ::getrusage(RUSAGE_SELF, &after);
    CHECK(after.ru_minflt - before.ru_minflt < 16'384);
    CHECK(children().empty());
}
