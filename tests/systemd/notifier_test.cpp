#include "buzon/systemd/notifier.h"

#include <unistd.h>

#include <cstdlib>

#include "support/catch.h"
#include "support/datagrams.h"
#include "support/temp_directory.h"

using namespace buzon;
using namespace std::chrono_literals;

namespace {

systemd::Handed listener_at(const std::string& path, std::chrono::microseconds watchdog = {}) {
    systemd::Handed handed;
    handed.notify_socket = path;
    handed.watchdog = watchdog;
    return handed;
}

} // namespace

TEST_CASE("without a service manager nothing is sent, and nothing is waited for") {
    event::EventLoop loop;
    systemd::Notifier notifier{loop, {}, [] { return std::string{"idle"}; }};
    notifier.ready();
    notifier.reloading();
    notifier.stopping();
    loop.turn(0ms);
    CHECK(loop.watched() == 0);
}

TEST_CASE("the service manager is notified of the start, a reload and the end") {
    const test::TempDirectory directory;
    const test::Datagrams manager{directory / "notify"};
    event::EventLoop loop;
    systemd::Notifier notifier{loop, listener_at(directory / "notify"), [] { return std::string{"3 sessions"}; }};
    notifier.ready();
    CHECK(manager.next() == "READY=1\nSTATUS=3 sessions");
    notifier.reloading();
    const std::string said = manager.next().value_or("");
    CHECK(said.starts_with("RELOADING=1\nMONOTONIC_USEC="));
    notifier.reloading(); // another SIGHUP before the end of the first
    notifier.ready();
    CHECK(manager.next() == "READY=1\nSTATUS=3 sessions");
    notifier.stopping();
    CHECK(manager.next().value_or("").starts_with("STOPPING=1\n"));
    CHECK(manager.next(0) == std::nullopt);
}

TEST_CASE("watchdog messages come from the event loop and stop with it") {
    const test::TempDirectory directory;
    const test::Datagrams manager{directory / "notify"};
    event::EventLoop loop;
    systemd::Notifier notifier{loop, listener_at(directory / "notify", 30ms), [] { return std::string{"busy"}; }};
    notifier.ready();
    CHECK(manager.next() == "READY=1\nSTATUS=busy");
    for (int i = 0; i < 3; ++i) {
        std::optional<std::string> said;
        while (!said) {
            loop.turn(100ms);
            said = manager.next(0);
        }
        CHECK(*said == "WATCHDOG=1\nSTATUS=busy");
    }
    CHECK(manager.next(100) == std::nullopt); // the loop does not turn
}

TEST_CASE("a service manager that does not read blocks nothing, and hears of the end once it reads") {
    const test::TempDirectory directory;
    const test::Datagrams manager{directory / "notify"};
    event::EventLoop loop;
    systemd::Notifier notifier{loop, listener_at(directory / "notify"), [] { return std::string{"busy"}; }};
    for (int i = 0; i < 2000; ++i) notifier.ready(); // more than its queue holds
    notifier.stopping();
    std::optional<std::string> said;
    for (int i = 0; i < 10'000 && !(said && said->starts_with("STOPPING=1\n")); ++i) {
        said = manager.next(0);
        if (!said) loop.turn(100ms);
    }
    REQUIRE(said);
    CHECK(said->starts_with("STOPPING=1\n"));
}

TEST_CASE("a service manager that appears later at its path still gets the message") {
    const test::TempDirectory directory;
    event::EventLoop loop;
    systemd::Notifier notifier{loop, listener_at(directory / "notify"), [] { return std::string{"here"}; }};
    notifier.ready(); // nobody there yet
    const test::Datagrams manager{directory / "notify"};
    std::optional<std::string> said;
    for (int i = 0; i < 1000 && !said; ++i) {
        loop.turn(100ms);
        said = manager.next(0);
    }
    CHECK(said == "READY=1\nSTATUS=here");
}

TEST_CASE("variables meant for another process are ignored, and all are removed from the environment") {
    ::setenv("LISTEN_PID", "1", 1);
    ::setenv("LISTEN_FDS", "1", 1);
    ::setenv("LISTEN_FDNAMES", "pop3", 1);
    ::setenv("WATCHDOG_PID", "1", 1);
    ::setenv("WATCHDOG_USEC", "1000000", 1);
    ::setenv("NOTIFY_SOCKET", "/run/x", 1);
    const systemd::Handed handed = systemd::take_handed();
    CHECK(handed.sockets.empty());
    CHECK(handed.watchdog.count() == 0);
    CHECK(handed.notify_socket == "/run/x");
    for (const char* name :
         {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID", "WATCHDOG_USEC", "NOTIFY_SOCKET"})
        CHECK(std::getenv(name) == nullptr);
}

TEST_CASE("a watchdog interval for this process is used, and an invalid one is ignored") {
    for (const auto& [text, expected] :
         {std::pair{"20000000", 20'000'000L}, {"", 0L}, {"-1", 0L}, {"99999999999999999999", 0L}, {"20s", 0L}}) {
        ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
        ::setenv("WATCHDOG_USEC", text, 1);
        CHECK(systemd::take_handed().watchdog.count() == expected);
    }
}
