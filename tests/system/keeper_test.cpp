// The server's processes when root starts them: which end together, which are restarted, and what is left.
#include <sys/socket.h>

#include <csignal>

#include "support/catch.h"
#include "system/server.h"
#include "system/strace.h"

using namespace buzon::test;

namespace {

bool is_gone(pid_t pid) {
    return eventually([pid] {
        const char state = state_of(pid);
        return state == 0 || state == 'Z';
    });
}

bool by_root() {
    if (::geteuid() == 0) return true;
    WARN("not root: nothing tested");
    return false;
}

pid_t new_reactor(const Server& server, pid_t before) {
    pid_t now = before;
    CHECK(eventually([&] {
        for (const pid_t child : children_of(server.pid()))
            if (child != before && proc_text(child, "comm") == "buzond\n") now = child;
        return now != before;
    }));
    return now;
}

void crash(pid_t reactor) {
    // SIGSEGV from outside: a sanitizer's handler ends the process with an exit code; otherwise the signal kills it.
    ::kill(reactor, SIGSEGV);
    CHECK(is_gone(reactor));
}

} // namespace

TEST_CASE("the process that root started is the keeper, and another process serves") {
    if (!by_root()) return;
    Server server;
    CHECK(proc_text(server.pid(), "comm") == "buzon-keeper\n");
    CHECK(server.reactor() != server.pid());
}

TEST_CASE("a reactor that crashes under load is restarted, and clients that connect meanwhile are served") {
    if (!by_root()) return;
    Server server{3};
    for (int user = 1; user <= 3; ++user)
        (void)server.maildir("user" + std::to_string(user)).deliver("1700000001.M1P1.h", "Subject: x\n\ny\n");
    server.expect_a_crash();
    const pid_t keeper = server.pid();
    const std::uint16_t port = server.port(), management_port = server.management_port();
    for (int round = 0; round < 2; ++round) {
        Pop3Client first = server.session(1), second = server.session(2);
        first.send("RETR 1\r\nRETR 1\r\nRETR 1\r\n");
        const pid_t before = server.reactor();
        crash(before);
        // The keeper holds the listeners: this client waits in the backlog, however long the next reactor takes.
        Pop3Client between = server.client();
        (void)new_reactor(server, before);
        between.login("user3", "pass3");
        CHECK(between.command("STAT") == "+OK 1 17");
        between.quit();
        CHECK(server.session(1).retrieve(1).find("Subject: x") != std::string::npos);
        ManagementClient manager{"127.0.0.1", management_port};
        CHECK(manager.command("METR").starts_with("+OK"));
    }
    CHECK(server.pid() == keeper);
    CHECK(server.port() == port);
    CHECK(server.logs("started again: the process that served"));
    CHECK(zombies_of(server.pid()) == 0);
}

TEST_CASE("if a crashed reactor cannot be replaced at once, the keeper tries again") {
    if (!by_root()) return;
    Server server;
    server.expect_a_crash();
    const pid_t before = server.reactor();
    const std::string trace = server.directory() / "trace";
    {
        // fork(2) is clone(2) to the kernel.
        const Strace strace{server, injection("clone,clone3:error=EAGAIN:when=1..2"), trace, Strace::Holds::keeper};
        crash(before);
        (void)new_reactor(server, before);
        (void)server.session();
    }
    CHECK(read_whole(trace).find("(INJECTED)") != std::string::npos);
}

TEST_CASE("kill -9 of the keeper ends all processes of the server") {
    if (!by_root()) return;
    Server server;
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", "x\n");
    Pop3Client client = server.session();
    (void)client.retrieve(1);
    const std::vector<pid_t> all = descendants_of(server.pid());
    CHECK(all.size() >= 2);
    server.expect_no_clean_end();
    server.process().signal(SIGKILL);
    REQUIRE(server.process().wait());
    for (const pid_t pid : all) CHECK(is_gone(pid));
    CHECK(eventually([&] { return !reachable("127.0.0.1", server.port()); }));
}

TEST_CASE("SIGTERM to the keeper or to the reactor ends all processes, and the exit code is 0") {
    if (!by_root()) return;
    for (const bool to_reactor : {false, true}) {
        CAPTURE(to_reactor);
        Server server;
        (void)server.session();
        const std::vector<pid_t> all = descendants_of(server.pid());
        ::kill(to_reactor ? server.reactor() : server.pid(), SIGTERM);
        const auto code = server.process().wait();
        REQUIRE(code);
        CHECK(*code == 0);
        server.expect_no_clean_end();
        for (const pid_t pid : all) CHECK(is_gone(pid));
    }
}

TEST_CASE("a reactor that fails before it serves is not restarted; its exit code and message are the server's") {
    const Finished finished = run_server({"-p", "0", "-P", "0", "-d", "/nonexistent/mail"});
    CHECK(finished.code == 66);
    CHECK(finished.out.empty());
    CHECK(std::count(finished.err.begin(), finished.err.end(), '\n') == 1);
    CHECK(run_server({"--version"}).code == 0);
    CHECK(run_server({"--no-such-option"}).code == 64);
}

TEST_CASE("if the config file is broken when a crashed reactor is restarted, the server exits with 78") {
    if (!by_root()) return;
    TempDirectory directory;
    const std::string config = directory.file("config", "login-delay = 0\n");
    Server server{1, {"--config", config}};
    (void)directory.file("config", "login-delay = nonsense\n");
    server.expect_no_clean_end();
    crash(server.reactor());
    const auto code = server.process().wait();
    REQUIRE(code);
    CHECK(*code == 78);
    CHECK(server.logs("config line 1"));
}

TEST_CASE("SIGTERM between a crash and the restart ends the server") {
    if (!by_root()) return;
    Server server;
    // The second crash in a row makes the pause longer.
    for (int i = 0; i < 3; ++i) {
        const pid_t before = server.reactor();
        crash(before);
        CHECK(eventually([&] { return state_of(before) == 0; })); // the keeper has reaped it
        if (i < 2) (void)new_reactor(server, before);
        if (i < 2) CHECK(eventually([&] { return server.client().command("NOOP").starts_with("-ERR"); }));
    }
    server.process().signal(SIGTERM);
    const auto code = server.process().wait();
    REQUIRE(code);
    CHECK(*code == 0);
    server.expect_no_clean_end();
}
