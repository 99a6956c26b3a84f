// system/service_manager_test.cpp - the server under a service manager: its notifications, and sockets it hands over.
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "support/certificate.h"
#include "support/datagrams.h"
#include "support/programs.h"
#include "system/manage_server.h"

using namespace buzon::test;

namespace {

// Binds sockets as a service manager does, then execs the server. Arguments: NAME=PORT or NAME=unix:PATH, then "--".
constexpr const char* hand_over = R"(
import os, socket, sys
end = sys.argv.index("--")
names, kept = [], []
for word in sys.argv[1:end]:
    name, where = word.split("=", 1)
    if where.startswith("unix:"):
        made = socket.socket(socket.AF_UNIX); made.bind(where[5:])
    else:
        made = socket.socket(); made.bind(("127.0.0.1", int(where)))
    if not name.startswith("deaf"): made.listen()
    names.append(name.removeprefix("deaf")); kept.append(made)
high = [os.dup2(s.fileno(), 100 + i) for i, s in enumerate(kept)]
for i, fd in enumerate(high): os.dup2(fd, 3 + i, True); os.close(fd)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(names)), LISTEN_FDNAMES=":".join(names))
os.execv(sys.argv[end + 1], sys.argv[end + 1:])
)";

Words handing(Words sockets) {
    Words words{"/usr/bin/python3", "-c", hand_over};
    words.insert(words.end(), sockets.begin(), sockets.end());
    words.emplace_back("--");
    return words;
}

// The next notification with a line that begins like this; others (watchdog pings) are skipped.
std::string next_with(const Datagrams& manager, const std::string& line) {
    for (;;) {
        const auto said = manager.next();
        if (!said) return {};
        if (("\n" + *said + "\n").find("\n" + line) != std::string::npos) return *said;
    }
}

} // namespace

TEST_CASE("the service manager is notified that the server is ready, alive, reloading and stopping") {
    const TempDirectory directory;
    const Datagrams manager{directory / "notify"};
    Server::Setup setup;
    setup.arguments = {"--config", directory.file("conf", "timeout = 700\n"), "-u", "ana:secret"};
    setup.environment = {{"NOTIFY_SOCKET", directory / "notify"}, {"WATCHDOG_USEC", "300000"}};
    Server server{setup};
    CHECK(next_with(manager, "READY=1").find("STATUS=0 connections, 0 users logged in") != std::string::npos);
    CHECK_FALSE(next_with(manager, "WATCHDOG=1").empty());

    server.process().signal(SIGHUP);
    CHECK(next_with(manager, "RELOADING=1").find("\nMONOTONIC_USEC=") != std::string::npos);
    CHECK_FALSE(next_with(manager, "READY=1").empty());

    directory.file("conf", "timeout = soon\n"); // a failed reload ends, too
    server.process().signal(SIGHUP);
    CHECK_FALSE(next_with(manager, "RELOADING=1").empty());
    CHECK_FALSE(next_with(manager, "READY=1").empty());
    CHECK(server.logs("not reloaded, nothing has changed"));

    server.process().signal(SIGTERM);
    CHECK_FALSE(next_with(manager, "STOPPING=1").empty());
    CHECK(server.process().wait() == 0);
    server.expect_no_clean_end();
}

TEST_CASE("while DRAIN waits for sessions, the service manager is not told that the server is stopping") {
    const TempDirectory directory;
    const Datagrams manager{directory / "notify"};
    Server::Setup setup;
    setup.arguments = {"-u", "ana:secret", "-a", "root:s3cr3t"};
    setup.environment = {{"NOTIFY_SOCKET", directory / "notify"}, {"WATCHDOG_USEC", "300000"}};
    Server server{setup};
    Pop3Client client = server.client();
    client.login("ana", "secret");
    ManagementClient administrator = server.manager();
    CHECK(administrator.command("AUTH root s3cr3t").starts_with("+OK"));
    CHECK(administrator.command("DRAIN").starts_with("+OK"));
    // What was sent until now, and then the next sign of life.
    std::string all;
    while (const auto said = manager.next(0)) all += '\n' + *said;
    for (std::string said; said.find("WATCHDOG=1") == std::string::npos; all += '\n' + said) {
        const auto next = manager.next();
        REQUIRE(next);
        said = *next;
    }
    CHECK(all.find("\nSTOPPING=1") == std::string::npos);
    CHECK(client.command("NOOP").starts_with("+OK"));
    client.quit();
    CHECK_FALSE(next_with(manager, "STOPPING=1").empty()); // read now: the server does not wait for a full queue
    CHECK(server.process().wait() == 0);
    server.expect_no_clean_end();
}

TEST_CASE("a service manager that listens only after the start is told that the server is ready") {
    const TempDirectory directory;
    std::filesystem::permissions(directory.path(), std::filesystem::perms{0711});
    Server::Setup setup;
    setup.environment = {{"NOTIFY_SOCKET", directory / "notify"}};
    Server server{setup};
    const Datagrams manager{directory / "notify"};
    std::filesystem::permissions(directory / "notify", std::filesystem::perms{0777}); // as systemd's
    CHECK_FALSE(next_with(manager, "READY=1").empty());
    CHECK(server.manager().command("METR sandbox-denials") == "+OK 0"); // no socket was made for it
}

TEST_CASE("the server reports that it is ready only when TLS works, too") {
    const TempDirectory directory;
    const std::string certificate = directory / "cert.pem";
    make_certificate(certificate);
    const Datagrams manager{directory / "notify"};
    Server::Setup setup;
    setup.arguments = {"-u", "ana:secret", "--tls-cert", certificate, "--tls-port", "0"};
    setup.environment = {{"NOTIFY_SOCKET", directory / "notify"}};
    Server server{setup}; // returns after the ready line
    CHECK(server.client().many("CAPA").find("STLS\r\n") != std::string::npos);
    CHECK_FALSE(next_with(manager, "READY=1").empty());
}

TEST_CASE("a server stopped with SIGSTOP sends no watchdog pings until it continues") {
    const TempDirectory directory;
    const Datagrams manager{directory / "notify"};
    Server::Setup setup;
    setup.environment = {{"NOTIFY_SOCKET", directory / "notify"}, {"WATCHDOG_USEC", "60000"}};
    Server server{setup};
    CHECK_FALSE(next_with(manager, "WATCHDOG=1").empty());
    for (const pid_t child : children_of(server.pid())) // where the loop runs in a child
        ::kill(child, SIGSTOP);
    server.process().signal(SIGSTOP);
    REQUIRE(eventually([&] { return state_of(server.pid()) == 'T'; }));
    while (manager.next(0)) {
    }
    CHECK(manager.next(500) == std::nullopt); // eight pings would have come
    for (const pid_t child : children_of(server.pid())) ::kill(child, SIGCONT);
    server.process().signal(SIGCONT);
    CHECK_FALSE(next_with(manager, "WATCHDOG=1").empty());
}

TEST_CASE("sockets handed over by the service manager are served instead of those in the options") {
    const TempDirectory directory;
    Server::Setup setup;
    setup.before = handing({"pop3=0", "metrics=0", "mgmt=unix:" + (directory / "mgmt")});
    setup.arguments = {"-u", "ana:secret", "--metrics", "127.0.0.1:1"}; // must not be bound
    Server server{setup};
    CHECK(server.port() != 0);
    CHECK(server.management_port() == 0);
    Pop3Client client = server.client();
    client.login("ana", "secret");
    const Finished said = run_client({"unix:" + (directory / "mgmt"), "INFO", "*"});
    CHECK(said.code == 0);
    CHECK(said.out.find("metrics") != std::string::npos);
    CHECK(said.out.find("127.0.0.1:1\n") == std::string::npos);
    CHECK(server.stop() == 0);
    server.expect_no_clean_end();
    CHECK(std::filesystem::exists(directory / "mgmt")); // it belongs to the service manager
}

TEST_CASE("with a socket from the service manager, SIGTERM lets open sessions finish") {
    // A session may pause for a second. If the machine is too slow for that, try again.
    CHECK(eventually([] {
        Server::Setup setup;
        setup.before = handing({"pop3=0"});
        setup.arguments = {"-u", "ana:secret"};
        Server server{setup};
        server.expect_no_clean_end();
        Pop3Client early = server.client(), client = server.client();
        client.login("ana", "secret");
        server.process().signal(SIGTERM);
        if (!server.logs("action=stopping")) return false;
        try {
            for (int i = 0; i < 3; ++i)
                if (!client.command("NOOP").starts_with("+OK")) return false;
            if (!client.command("QUIT").starts_with("+OK")) return false;
        } catch (const ConnectionLost&) {
            return false;
        }
        early.close();
        return server.process().wait() == 0;
    }));
}

TEST_CASE("two servers that share a socket of the service manager are restarted in turn, and no session fails") {
    const std::string bin = server_program().substr(0, server_program().rfind('/'));
    Launch launch;
    launch.argv = {source_directory() + "/tests/bench/restarts", "0.1", "shared"};
    launch.environment["BUZON_BIN"] = bin;
    const Finished end = run(launch, {}, 5 * patience);
    CAPTURE(end.out, end.err);
    CHECK(end.code == 0);
}

TEST_CASE("a socket with an unknown name, or one that does not listen, is refused at startup") {
    TempDirectory mail;
    const auto start = [&](const std::string& socket) {
        Words argv = handing({socket});
        argv.insert(argv.end(), {server_program(), "-d", mail.path(), "-p", "0", "-P", "0", "-u", "ana:secret"});
        return run(argv);
    };
    const Finished unknown = start("imap=0");
    CHECK(unknown.code == 64);
    CHECK(unknown.err == "server: LISTEN_FDNAMES: imap is no service of ours: FileDescriptorName= must be pop3, mgmt, "
                         "metrics or tls\n");
    const Finished deaf = start("deafpop3=0");
    CHECK(deaf.code == 71);
    CHECK(deaf.err == "server: socket pop3 of the service manager: Invalid argument\n");
}

TEST_CASE("SIGUSR1 reopens the log file, so that a renamed one is left alone") {
    const TempDirectory directory;
    const std::string log = directory / "buzon.log";
    Server server{1, {"--log-file", log}};
    const auto mode = [&] { return std::filesystem::status(log).permissions(); };
    const auto at_the_start = mode();
    const auto contains = [](const std::string& file, const std::string& text) {
        return std::filesystem::exists(file) && read_whole(file).find(text) != std::string::npos;
    };
    REQUIRE(eventually([&] { return contains(log, "action=started"); }));
    CHECK(server.log().empty());
    std::filesystem::rename(log, log + ".1");
    server.process().signal(SIGUSR1);
    REQUIRE(eventually([&] { return contains(log, "what=log-file"); }));
    CHECK(mode() == at_the_start);
    (void)server.session();
    CHECK(eventually([&] { return contains(log, " login "); }));
    CHECK_FALSE(contains(log + ".1", " login "));

    // If the new file cannot be opened, the old one stays in use.
    std::filesystem::rename(log, log + ".2");
    std::filesystem::create_directory(log);
    server.process().signal(SIGUSR1);
    CHECK(
        eventually([&] { return contains(log + ".2", "the log stays in the old file: " + log + ": Is a directory"); }));
}

TEST_CASE("a log file that cannot be opened ends startup with 66 or 77, and --check creates none") {
    TempDirectory directory;
    const auto start = [&](const std::string& path, bool powerless = false) {
        Launch launch;
        launch.argv = {server_program(), "-d", directory.path(), "-p", "0", "-P", "0", "--log-file", path};
        launch.powerless = powerless;
        return run(launch);
    };
    CHECK(start(directory / "missing/log").code == 66);
    CHECK(start(directory.path()).code == 66);
    CHECK(run({"mkfifo", directory / "fifo"}).code == 0);
    CHECK(start(directory / "fifo").code == 66);
    std::filesystem::create_directory(directory / "locked");
    std::filesystem::permissions(directory / "locked", std::filesystem::perms::owner_read);
    CHECK(start(directory / "locked/log", true).code == 77);
    const Finished twice = run_server({"-d", directory.path(), "--log-file", "x", "--log-socket", "/dev/log"});
    CHECK(twice.code == 64);
    CHECK(run_server({"-d", directory.path(), "-u", "a:b", "--log-file", directory / "new", "--check"}).code == 0);
    CHECK_FALSE(std::filesystem::exists(directory / "new"));
}
