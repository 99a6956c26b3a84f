#include "buzon/filter/guard.h"

#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <sstream>
#include <vector>

#include "buzon/filter/spawn.h"
#include "filter_support.h"
#include "support/catch.h"

using namespace buzon;
using namespace buzon::filter;

namespace {

// A server in a process of its own, with one program running the given commands of the shell.
class Server {
public:
    explicit Server(const std::string& commands, const std::function<void(Launcher&, Launch&)>& and_then = {}) {
        posix::Pipe report = std::move(posix::make_pipe(false).value());
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            Launcher launcher;
            const posix::UniqueFd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
            posix::Pipe output = std::move(posix::make_pipe(false).value());
            posix::Pipe errors = std::move(posix::make_pipe(false).value());
            Launch launch = launcher.start({"/bin/sh",
                                            {"-c", commands},
                                            Environment{},
                                            null.get(),
                                            output.write_end.get(),
                                            errors.write_end.get(),
                                            ResourceLimits{},
                                            nullptr});
            output.write_end.reset();
            errors.write_end.reset();
            pid_t numbers[2] = {launch.started.pid, launcher.guard().pid()};
            if (and_then) and_then(launcher, launch);
            (void)!::write(report.write_end.get(), numbers, sizeof numbers);
            for (;;) ::pause();
        }
        pid_t numbers[2] = {-1, -1};
        REQUIRE(::read(report.read_end.get(), numbers, sizeof numbers) == static_cast<ssize_t>(sizeof numbers));
        program = numbers[0];
        guard = numbers[1];
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() { kill(); }
    void kill() {
        if (pid_ < 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

    pid_t program = -1;
    pid_t guard = -1;

private:
    pid_t pid_ = -1;
};

pid_t pid_in(const std::string& file) {
    wait_until([&] { return contents(file).find('\n') != std::string::npos; });
    return static_cast<pid_t>(std::atoi(contents(file).c_str()));
}

void gone(pid_t pid) {
    wait_until([&] { return !process_exists(pid); });
    CHECK_FALSE(process_exists(pid));
}

} // namespace

TEST_CASE("grandchildren die with a server that is killed, in the program's group or out of it") {
    const TemporaryDirectory directory;
    const std::string in_group = directory.expect("in-group");
    const std::string out_of_group = directory.expect("out-of-group");
    // timeout(1) leads a group of its own.
    Server server{"sleep 1000 & echo $! > " + in_group + "; timeout 1000 sleep 1001 & echo $! > " + out_of_group +
                  "; wait"};
    const pid_t one = pid_in(in_group);
    const pid_t other = pid_in(out_of_group);
    CHECK(process_exists(one));
    CHECK(process_exists(other));
    server.kill();
    gone(server.program);
    gone(one);
    gone(other);
    gone(server.guard);
}

TEST_CASE("a grandchild in a session of its own dies with the server if it holds one of the pipes, a daemon does not") {
    const TemporaryDirectory directory;
    const std::string output = directory.expect("output");
    const std::string errors = directory.expect("errors");
    const std::string neither = directory.expect("neither");
    const std::string program = "setsid sh -c 'echo $$ > \"$0\"; exec sleep 1000' ";
    Server server{program + output + " 2>/dev/null & " + program + errors + " >/dev/null & " + program + neither +
                  " >/dev/null 2>&1 & wait"};
    const pid_t one = pid_in(output);
    const pid_t other = pid_in(errors);
    const pid_t daemon = pid_in(neither);
    server.kill();
    gone(one);
    gone(other);
    gone(server.guard);
    CHECK(process_exists(daemon));
    ::kill(daemon, SIGKILL);
}

TEST_CASE("grandchildren whose program has ended by itself die with the server all the same") {
    const TemporaryDirectory directory;
    const std::string file = directory.expect("grandchild");
    Server server{"sleep 1000 & echo $! > " + file};
    const pid_t grandchild = pid_in(file);
    CHECK(process_exists(grandchild)); // the program is a zombie now: nobody has looked
    server.kill();
    gone(grandchild);
}

TEST_CASE("what a run leaves outside of its group is cleared while the server lives") {
    const TemporaryDirectory directory;
    const std::string file = directory.expect("grandchild");
    const std::string other = directory.expect("other");
    Server server{"timeout 1000 sleep 1000 & echo $! > " + file + "; setsid sh -c 'echo $$ > " + other +
                      "; exec sleep 1000' & while ! test -s " + file + " || ! test -s " + other +
                      "; do sleep 0.01; done",
                  [&](Launcher&, Launch& launch) {
                      pid_in(file);
                      pid_in(other);
                      launch.started.place.end();
                      ::kill(-launch.started.pid, SIGKILL);
                      ::waitpid(launch.started.pid, nullptr, 0);
                  }};
    gone(pid_in(file));
    gone(pid_in(other));
    CHECK(process_exists(server.guard));
    server.kill();
    gone(server.guard);
}

TEST_CASE("a server without programs takes its guard along") {
    Server server{"exit 0", [](Launcher&, Launch& launch) {
                      launch.started.place.end();
                      ::waitpid(launch.started.pid, nullptr, 0);
                  }};
    CHECK(process_exists(server.guard));
    server.kill();
    gone(server.guard);
}

TEST_CASE("the guard holds nothing of the server's and hears no signal meant for it") {
    posix::Pipe pipe = std::move(posix::make_pipe(false).value());
    ::setenv("BUZON_SECRET", "hush", 1);
    const Guard guard;
    ::unsetenv("BUZON_SECRET");
    pipe.write_end.reset();
    char octet = 0;
    CHECK(::read(pipe.read_end.get(), &octet, 1) == 0); // it has no copy of the other end
    const std::string where = "/proc/" + std::to_string(guard.pid());
    CHECK(contents(where + "/cmdline").substr(0, 12) == std::string{"buzon-guard\0", 12});
    CHECK(contents(where + "/comm") == "buzon-guard\n");
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) ::kill(guard.pid(), number);
    // They wait before it for ever.
    const std::string status = contents(where + "/status");
    unsigned long long pending = 0;
    std::istringstream{status.substr(status.find("ShdPnd:") + 7)} >> std::hex >> pending;
    CHECK(pending == (1ULL << (SIGTERM - 1) | 1ULL << (SIGINT - 1) | 1ULL << (SIGHUP - 1)));
    CHECK(process_exists(guard.pid()));
    CHECK(children().empty()); // it is no child of ours
}

TEST_CASE("the guard goes when its owner does") {
    pid_t pid = -1;
    {
        const Guard guard;
        pid = guard.pid();
        CHECK(process_exists(pid));
    }
    gone(pid);
}

TEST_CASE("a guard that was killed is replaced, and the new one knows what runs") {
    const TemporaryDirectory directory;
    const std::string file = directory.expect("grandchild");
    const std::string new_guard = directory.expect("guard");
    Server server{
        "sleep 1000 & echo $! > " + file + "; wait", [&](Launcher& launcher, Launch&) {
            pid_in(file);
            const pid_t old = launcher.guard().pid();
            ::kill(old, SIGKILL);
            ::usleep(1'100'000); // the time is the point: not sooner than a second after it was made
            const posix::UniqueFd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
            Launch next = launcher.start(
                {"/bin/true", {}, Environment{}, null.get(), null.get(), null.get(), ResourceLimits{}, nullptr});
            ::waitpid(next.started.pid, nullptr, 0);
            std::ofstream{new_guard} << launcher.guard().pid() << '\n';
        }};
    const pid_t guard = pid_in(new_guard);
    CHECK(guard != server.guard);
    CHECK(process_exists(guard));
    const pid_t grandchild = pid_in(file);
    server.kill();
    gone(grandchild);
    gone(guard);
}

TEST_CASE("places are given back, and their want is no error") {
    Guard guard;
    for (int round = 0; round < 3; ++round) {
        std::vector<Guard::Place> places;
        for (int i = 0; i < 5000; ++i) places.push_back(guard.reserve());
        // Numbers that no process has: nothing of ours may be hit.
        for (Guard::Place& place : places) place.enter(0x3fffffff);
    }
}
