// system/system_calls_test.cpp - what a session and a message cost, in system calls of the real server: the measure of
// speed that is the same on every machine. A change that makes a count grow must say so here. docs/performance.md lists
// the calls.
#include "support/catch.h"
#include "system/living_programs.h"
#include "system/server.h"

#include <csignal>
#include <fstream>
#include <map>
#include <sstream>

using namespace buzon::test;

namespace {

using Counts = std::map<std::string, unsigned>;

// The system calls of one process between construction and stop(), as strace counts them.
class CallCounter {
public:
    explicit CallCounter(pid_t watched)
        : process_{{.argv = {"strace", "-c", "-U", "calls,name", "-o", directory_ / "counts", "-p",
                             std::to_string(watched)}}} {
        const auto attached = [&] {
            std::ifstream status{"/proc/" + std::to_string(watched) + "/status"};
            for (std::string line; std::getline(status, line);)
                if (line.starts_with("TracerPid:"))
                    return line.substr(10).find_first_not_of(" \t0") != std::string::npos;
            return false;
        };
        REQUIRE(eventually([&] { return attached() || !process_.running(); }));
        INFO("strace must be there, and ptrace allowed");
        REQUIRE(process_.running());
    }

    // Without the calls for memory, by a sanitizer or the library, and for the clock.
    [[nodiscard]] Counts stop() {
        process_.signal(SIGINT);
        REQUIRE(process_.wait());
        Counts counts;
        std::ifstream table{directory_ / "counts"};
        for (std::string line; std::getline(table, line);) {
            std::istringstream words{line};
            unsigned calls = 0;
            std::string name;
            if (words >> calls >> name && name != "total") counts[name] = calls;
        }
        for (const char* name : {"mmap", "munmap", "madvise", "mprotect", "brk", "mremap", "futex", "restart_syscall",
                                 "clock_gettime", "gettimeofday", "rt_sigreturn", "rt_sigprocmask"})
            counts.erase(name);
        return counts;
    }

private:
    TempDirectory directory_;
    Process process_;
};

// Under a unit's filter, each message costs a job of a worker, unless it was opened ahead (unit_filter_test.cpp).
bool without_openat2() {
    if (filters_around_server() == 0) return false;
    WARN("BUZON_UNIT_FILTER: nothing counted");
    return true;
}

unsigned sum(const Counts& counts) {
    unsigned all = 0;
    for (const auto& [name, calls] : counts) all += calls;
    return all;
}

std::string text(const Counts& counts) {
    std::string all;
    for (const auto& [name, calls] : counts) all += name + " " + std::to_string(calls) + ", ";
    return all;
}

// The loop also wakes up for its own timers (the history, once a second): this many calls are allowed per test.
constexpr unsigned by_the_way = 60;
constexpr unsigned calls_of_a_session = 26;
constexpr unsigned calls_of_a_message = 6;
// Fifty; more if the ends of output, standard error and process are seen one after the other.
constexpr unsigned calls_of_a_filtered_message = 58;
// For a message that a long-running program leaves unchanged.
constexpr unsigned calls_of_a_same_message = 15;

} // namespace

TEST_CASE("a session and a command take no more system calls than before") {
    Server server{Server::of_own_mail(1)};
    const Maildir maildir = server.maildir("user1");
    for (int i = 0; i < 3; ++i) (void)maildir.deliver("170000000" + std::to_string(i) + ".M1P1.h", "Subject: a\n\nb\n");
    server.give_mail();
    const auto session = [&](int commands) {
        Pop3Client client = server.session();
        for (int i = 0; i < commands; ++i) CHECK(client.command("NOOP") == "+OK");
        CHECK(client.command("STAT").starts_with("+OK 3 "));
        client.quit();
    };
    maildir.rest(); // a directory that changed a moment ago is read again at each login
    session(1);     // the index is written, the snapshot kept
    session(1);
    constexpr unsigned times = 20;
    CallCounter of_sessions{server.reactor()};
    for (unsigned i = 0; i < times; ++i) session(0);
    const Counts sessions = of_sessions.stop();
    INFO(times << " sessions: " << text(sessions));
    CHECK(sum(sessions) <= calls_of_a_session * times + by_the_way);

    CallCounter of_commands{server.reactor()};
    session(200);
    const Counts commands = of_commands.stop();
    INFO("200 commands in one session: " << text(commands));
    CHECK(sum(commands) <= 3 * 200 + calls_of_a_session + by_the_way); // wait, read, send
}

TEST_CASE("a message takes no more system calls than before") {
    if (without_openat2()) return;
    Server server{Server::of_own_mail(1)};
    const Maildir maildir = server.maildir("user1");
    const auto mail = [](std::size_t lines, const char* end) {
        std::string all = std::string{"Subject: a"} + end + end;
        for (std::size_t i = 0; i < lines; ++i) all += std::string(78, 'x') + end;
        return all;
    };
    const std::string typical = mail(100, "\n"), large = mail(26000, "\r\n");
    (void)maildir.deliver("1700000000.M1P1.h", typical);
    (void)maildir.deliver("1700000001.M1P1.h", large);
    server.give_mail();
    Pop3Client client = server.session();
    CHECK(difference(client.retrieve(1), as_received(typical)) == "");
    CHECK(difference(client.retrieve(2), large) == "");
    constexpr unsigned times = 50;
    CallCounter of_typical{server.reactor()};
    for (unsigned i = 0; i < times; ++i) CHECK(client.retrieve(1).size() == as_received(typical).size());
    const Counts small = of_typical.stop();
    INFO(times << " messages of 8 KiB: " << text(small));
    CHECK(sum(small) <= calls_of_a_message * times + by_the_way);

    CallCounter of_large{server.reactor()};
    CHECK(difference(client.retrieve(2), large) == "");
    const Counts one = of_large.stop();
    INFO("one message of 2 MiB in wire form: " << text(one));
    // How often the socket is full depends on the client, but the octets do not pass through us.
    if (one.contains("sendfile"))
        CHECK(one.at("preadv2") <= 4);
    else
        WARN("sendfile was not used: not on a file system or by a user that allow it");
}

TEST_CASE("a message through a program takes no more system calls of the server than before") {
    Server server{1, {"-T", "/usr/bin/sed:s/e/x/g"}};
    (void)server.maildir("user1").deliver("1700000000.M1P1.h",
                                          "Subject: a\n\n" + std::string(3000, 'e') + "\n"); // one write of sed's
    Pop3Client client = server.session();
    const std::string made = client.retrieve(1);
    constexpr unsigned times = 30;
    CallCounter strace{server.reactor()}; // not of the programs
    for (unsigned i = 0; i < times; ++i) CHECK(difference(client.retrieve(1), made) == "");
    const Counts counts = strace.stop();
    INFO(times << " messages through sed: " << text(counts));
    CHECK(sum(counts) <= calls_of_a_filtered_message * times + by_the_way);
}

TEST_CASE("a message that a program leaves unchanged takes few additional system calls") {
    if (without_openat2()) return;
    TempDirectory directory;
    std::filesystem::permissions(directory.path(), std::filesystem::perms{0711}); // it runs as the mail's owner
    Server server{Server::of_own_mail(1, {"-T", living(directory, "same", "say('same\\n')")})};
    std::string typical = "Subject: a\n\n", large = "Subject: a\r\n\r\n";
    while (typical.size() < 8000) typical += std::string(78, 'x') + "\n";
    while (large.size() < 2'000'000) large += std::string(78, 'x') + "\r\n";
    (void)server.maildir("user1").deliver("1700000000.M1P1.h", typical);
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", large);
    server.give_mail();
    Pop3Client client = server.session();
    CHECK(difference(client.retrieve(1), as_received(typical)) == "");
    CHECK(difference(client.retrieve(2), large) == "");
    constexpr unsigned times = 50;
    CallCounter of_typical{server.reactor()};
    for (unsigned i = 0; i < times; ++i) CHECK(client.retrieve(1).size() == as_received(typical).size());
    const Counts small = of_typical.stop();
    INFO(times << " messages of 8 KiB: " << text(small));
    CHECK(sum(small) <= calls_of_a_same_message * times + by_the_way);

    CallCounter of_large{server.reactor()};
    CHECK(difference(client.retrieve(2), large) == "");
    const Counts one = of_large.stop();
    INFO("one message of 2 MB in wire form: " << text(one));
    if (!one.contains("sendfile")) WARN("sendfile was not used: not on a file system or by a user that allow it");
    client.quit();
}
