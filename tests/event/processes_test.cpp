#include "buzon/event/child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <optional>

#include "buzon/event/signals.h"
#include "support/catch.h"

using namespace buzon::event;
using namespace std::chrono_literals;

namespace {

struct Parent final : ChildHandler {
    std::optional<int> status;
    void on_exit(int s) override { status = s; }
};

pid_t child_that(int (*does)()) {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(does());
    return pid;
}

bool exists(pid_t pid) {
    return ::kill(pid, 0) == 0;
}

void turn_until(EventLoop& loop, auto condition) {
    const Instant limit = Clock::now() + 2min;
    while (!condition() && Clock::now() < limit) loop.turn(10ms);
}

int wait_for_ever() {
    for (;;) ::pause();
}

} // namespace

TEST_CASE("a child's exit code and signal arrive as waitpid would tell them") {
    EventLoop loop;
    Parent parent;
    Child child{parent};
    REQUIRE(!child.start(loop, open_pidfd(child_that([] { return 7; }))));
    turn_until(loop, [&] { return parent.status.has_value(); });
    REQUIRE(parent.status.has_value());
    CHECK(WIFEXITED(*parent.status));
    CHECK(WEXITSTATUS(*parent.status) == 7);
    CHECK_FALSE(child.running());

    Parent killer;
    Child victim{killer};
    REQUIRE(!victim.start(loop, open_pidfd(child_that(wait_for_ever))));
    victim.signal(SIGKILL);
    turn_until(loop, [&] { return killer.status.has_value(); });
    REQUIRE(killer.status.has_value());
    CHECK(WIFSIGNALED(*killer.status));
    CHECK(WTERMSIG(*killer.status) == SIGKILL);
}

TEST_CASE("a forgotten child leaves no zombie") {
    EventLoop loop;
    const pid_t pid = child_that(wait_for_ever);
    {
        Parent parent;
        Child child{parent};
        REQUIRE(!child.start(loop, open_pidfd(pid)));
        child.signal(SIGKILL);
    }
    turn_until(loop, [&] { return !exists(pid); });
    CHECK_FALSE(exists(pid));
    CHECK(loop.watched() == 0);
}

TEST_CASE("a signal is an event of the loop") {
    EventLoop loop;
    int seen = 0;
    Signals signals{loop, {SIGUSR1}, [&](int number) { seen = number; }};
    ::raise(SIGUSR1);
    CHECK(seen == 0);
    loop.turn(0ms);
    CHECK(seen == SIGUSR1);
}
