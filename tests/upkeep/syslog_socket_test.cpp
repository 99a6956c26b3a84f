#include "buzon/upkeep/syslog_socket.h"

#include <unistd.h>

#include <memory>
#include <vector>

#include "support/catch.h"
#include "support/datagrams.h"
#include "support/temp_directory.h"

using namespace buzon;
using namespace std::chrono_literals;

namespace {

// A socket whose own messages go into the log, as in the server.
struct Logging {
    test::TempDirectory directory;
    std::string path = directory / "log";
    event::EventLoop loop;
    keeper::SocketsHere sockets{loop};
    state::Metrics metrics;
    std::vector<std::string> told;
    std::unique_ptr<upkeep::SyslogSocket> socket =
        std::make_unique<upkeep::SyslogSocket>(loop, sockets, metrics, path, [this](const std::string& message) {
            told.push_back(message);
            socket->write("told " + message + '\n');
        });

    // Enough turns to ask for a connection, to get it and to send.
    void turn() {
        for (int i = 0; i < 3; ++i) loop.turn(0ms);
    }
    [[nodiscard]] bool told_of(const std::string& part) const {
        return std::any_of(told.begin(), told.end(),
                           [&](const auto& one) { return one.find(part) != std::string::npos; });
    }
};

} // namespace

TEST_CASE("every line is one datagram, without its line end") {
    Logging log;
    const test::Datagrams daemon{log.path};
    log.socket->write("<22>1 one\n");
    log.socket->write("<22>1 two\n");
    CHECK_FALSE(daemon.next(0)); // write() itself sends nothing: it may be called from anywhere
    log.turn();
    CHECK(daemon.next() == "<22>1 one");
    CHECK(daemon.next() == "<22>1 two");
    log.socket->write("<22>1 last\n");
    log.socket.reset();
    CHECK(daemon.next() == "<22>1 last");
    CHECK(log.told.empty());
}

TEST_CASE("lines that a slow syslog daemon does not take are queued, and beyond a limit dropped and counted") {
    Logging log;
    const test::Datagrams daemon{log.path};
    const std::string line(1000, 'x');
    for (int i = 0; i < 5000; ++i) {
        log.socket->write(std::to_string(i) + ' ' + line + '\n');
        if (i % 100 == 0) log.turn();
    }
    CHECK(log.metrics.log_lines_lost > 1000);
    const auto lost = log.metrics.log_lines_lost;
    // The lines arrive in order; then a line says how many were dropped.
    int next = 0, last = -1;
    std::string word_of_loss;
    for (;;) {
        const auto got = daemon.next(0);
        if (!got && !word_of_loss.empty()) break;
        if (!got) {
            log.loop.turn(10ms);
            continue;
        }
        if (got->starts_with("told ")) {
            word_of_loss = *got;
            continue;
        }
        const int number = std::stoi(*got);
        CHECK(number > last);
        last = number;
        ++next;
    }
    CHECK(static_cast<state::Count>(next) + lost == 5000);
    CHECK(word_of_loss.find(std::to_string(lost) + " log lines were lost") != std::string::npos);
    CHECK(log.metrics.log_lines_lost == lost);
}

TEST_CASE("lines wait for a syslog daemon that is not there yet or was restarted") {
    Logging log;
    log.socket->write("early\n");
    log.turn();
    CHECK(log.told_of(": No such file or directory; lines are queued until it is back"));
    auto daemon = std::make_unique<test::Datagrams>(log.path);
    std::optional<std::string> got;
    while (!(got = daemon->next(0))) log.loop.turn(100ms);
    CHECK(got == "early");
    CHECK(log.told_of("available again"));
    daemon.reset(); // killed: its path stays
    log.told.clear();
    log.socket->write("meanwhile\n");
    log.turn();
    CHECK(log.told_of(": Connection refused; lines are queued until it is back"));
    for (int i = 0; i < 10; ++i) {
        log.socket->write("more\n");
        log.turn();
    }
    CHECK(log.told.size() == 1); // reported once
    daemon = std::make_unique<test::Datagrams>(log.path);
    while (!(got = daemon->next(0))) log.loop.turn(100ms);
    CHECK(got == "meanwhile");
    // A daemon that is replaced between two lines loses none, and that is not reported.
    log.turn();
    while (daemon->next(0)) log.turn();
    log.told.clear();
    daemon = std::make_unique<test::Datagrams>(log.path);
    log.socket->write("to the new one\n");
    log.turn();
    CHECK(daemon->next(0) == "to the new one");
    CHECK(log.told.empty());
    CHECK(log.metrics.log_lines_lost == 0);
}

TEST_CASE("a line that is too long for a datagram does not hold up the next one") {
    Logging log;
    const test::Datagrams daemon{log.path};
    log.socket->write(std::string(250'000, 'x') + '\n');
    log.socket->write("next\n");
    log.turn();
    while (log.metrics.log_lines_lost == 0) {
        const auto got = daemon.next(0); // the system's datagrams may be that large
        if (got && got->size() == 65536) break;
        log.loop.turn(10ms);
    }
    CHECK(daemon.next() == "next");
}

namespace {

// A keeper that never answers.
struct SilentSockets final : keeper::Sockets {
    struct Asked final : keeper::Request {
        explicit Asked(OnConnected t) : then{std::move(t)} {}
        void wait() override { std::exchange(then, nullptr)(std::make_error_code(std::errc::timed_out)); }
        OnConnected then;
    };
    std::unique_ptr<keeper::Request> listen(const keeper::Listen&, OnListening) override { return nullptr; }
    std::unique_ptr<keeper::Request> connect(const std::string&, OnConnected then) override {
        ++asked;
        return std::make_unique<Asked>(std::move(then));
    }
    std::unique_ptr<keeper::Request> connect_to(const keeper::Child&, OnConnected) override { return nullptr; }
    void release(std::uint32_t) noexcept override {}
    int asked = 0;
};

} // namespace

TEST_CASE("lines wait for a keeper that does not answer, but nothing else does") {
    event::EventLoop loop;
    SilentSockets sockets;
    state::Metrics metrics;
    std::vector<std::string> told;
    upkeep::SyslogSocket socket{loop, sockets, metrics, "/dev/log",
                                [&](const std::string& message) { told.push_back(message); }};
    for (int i = 0; i < 10; ++i) {
        socket.write("a line\n");
        loop.turn(0ms);
    }
    CHECK(sockets.asked == 2); // at the start, and once for all lines
    CHECK(told.empty());
    CHECK(metrics.log_lines_lost == 0);
}

TEST_CASE("the last line reaches a syslog daemon that was restarted just before") {
    Logging log;
    auto daemon = std::make_unique<test::Datagrams>(log.path);
    log.socket->write("one\n");
    log.turn();
    CHECK(daemon->next() == "one");
    daemon = std::make_unique<test::Datagrams>(log.path);
    log.socket->write("stopped\n");
    log.socket.reset();
    CHECK(daemon->next(0) == "stopped");
}
