// system/manage_watch_test.cpp - counting, watching and access control: metrics by name, hundreds of listeners,
// administrators and guesses at their passwords, settings that take effect at once.
#include <signal.h>

#include <algorithm>

#include "support/catch.h"
#include "system/manage_server.h"

using namespace buzon::test;

namespace {

ManagementClient as_root(const Server& server) {
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    return manager;
}

std::uint16_t metrics_port(const Server& server) {
    ManagementClient manager = server.manager();
    REQUIRE(manager.command("INFO *").starts_with("+OK"));
    std::uint16_t port = 0;
    for (const std::string& line : manager.body_lines())
        (void)std::sscanf(line.c_str(), "metrics 127.0.0.1:%hu", &port);
    REQUIRE(port != 0);
    return port;
}

std::string page_of(std::uint16_t port) {
    Wire wire{"127.0.0.1", port};
    wire.send("GET /metrics HTTP/1.0\r\n\r\n");
    const std::string all = wire.rest(true);
    const std::size_t body = all.find("\r\n\r\n");
    REQUIRE(body != std::string::npos);
    return all.substr(body + 4);
}

} // namespace

TEST_CASE("commands are counted by name and result, one for each reply") {
    const Server server{1};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", "Subject: x\n\ny\n");
    Pop3Client client = server.client();
    CHECK(client.command("STAT").starts_with("-ERR"));
    CHECK(client.command("XYZZY").starts_with("-ERR"));
    CHECK(client.command("AUTH PLAIN").starts_with("+ "));
    CHECK(client.command("*").starts_with("-ERR"));
    CHECK(client.command("user user1").starts_with("+OK"));
    CHECK(client.command("PASS wrong").starts_with("-ERR"));
    client.login("user1", "pass1");
    client.send("NOOP\r\nnoop\r\nNoOp\r\nNOOP x\r\nRETR 1\r\nRETR 2\r\n");
    for (int i = 0; i < 3; ++i) CHECK(client.line().starts_with("+OK"));
    const bool noop_takes_words = client.line().starts_with("+OK");
    CHECK(client.line().starts_with("+OK"));
    (void)client.body();
    CHECK(client.line().starts_with("-ERR"));
    client.quit();
    ManagementClient manager = server.manager();
    const auto count = [&](const char* name) { return manager.ask(std::string("METR commands-") + name); };
    CHECK(count("stat-error") == "1");
    CHECK(count("unknown-error") == "1");
    CHECK(count("auth-error") == "1");
    CHECK(count("auth-ok") == "0");
    CHECK(count("user-ok") == "2");
    CHECK(count("pass-error") == "1");
    CHECK(count("pass-ok") == "1");
    CHECK(count("noop-ok") == (noop_takes_words ? "4" : "3"));
    CHECK(count("noop-error") == (noop_takes_words ? "0" : "1"));
    CHECK(count("retr-ok") == "1");
    CHECK(count("retr-error") == "1");
    CHECK(count("quit-ok") == "1");
    CHECK(manager.ask("METR login-time-count") == "2");
    CHECK(manager.ask("METR retr-time-count") == "1");
    CHECK(eventually([&] { return manager.ask("METR loop-lag-count") != "0"; }));
}

TEST_CASE("the metrics page is valid for Prometheus and names no users") {
    TempDirectory directory;
    const std::string odd = directory.script("a\\b", "cat"); // a name that must be escaped
    const Server server{1, {"--metrics", "127.0.0.1:0", "-T", odd}};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", "Subject: x\n\ny\n");
    Pop3Client client = server.session();
    (void)client.retrieve(1);
    client.quit();
    const std::string page = page_of(metrics_port(server));
    CHECK(page.find("user1") == std::string::npos);
    CHECK(page.find("buzon_commands_total{command=\"retr\",result=\"ok\"} 1\n") != std::string::npos);
    CHECK(page.find("/a\\\\b\",result=\"changed\"} 1\n") != std::string::npos);
    const Finished checked = run({"promtool", "check", "metrics"}, page);
    CAPTURE(checked.out, checked.err);
    CHECK(checked.code == 0);
    CHECK(checked.err.empty());
}

TEST_CASE("the metrics listener copes with too many, silent and deaf clients and with oversized requests") {
    const Server server{1, {"--metrics", "127.0.0.1:0"}};
    const std::uint16_t port = metrics_port(server);
    std::vector<Wire> silent;
    for (int i = 0; i < 32; ++i) silent.emplace_back("127.0.0.1", port);
    Wire beyond{"127.0.0.1", port};
    CHECK(beyond.rest(true).starts_with("HTTP/1.1 503 "));
    silent.clear();
    CHECK(eventually([&] {
        Wire wire{"127.0.0.1", port};
        wire.send("HEAD /metrics HTTP/1.0\r\n\r\n");
        return wire.rest(true).find(" 200 ") < 15;
    }));
    Wire endless{"127.0.0.1", port};
    (void)endless.send_some("GET /metrics HTTP/1.1\r\nX: " + std::string(100'000, 'x'));
    CHECK(endless.rest(true).find(" 200 ") == std::string::npos);
    // Two requests in one piece are answered one after the other.
    Wire both{"127.0.0.1", port};
    both.send("GET /other HTTP/1.1\r\nHost: x\r\n\r\nHEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::string all = both.rest(true);
    CHECK(all.find(" 404 ") < 15);
    CHECK(all.find(" 200 ") != std::string::npos);
    // A client that sends requests but never reads neither delays others nor keeps the server from ending.
    Wire deaf{"127.0.0.1", port, {.receive_buffer = 2048}};
    for (int i = 0; i < 200; ++i) (void)deaf.send_some("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(page_of(port).find("# TYPE ") != std::string::npos);
}

TEST_CASE("200 listeners, ten of which never read, cost little memory, and one that reads gets every login") {
    const Server server{50};
    std::vector<Wire> deaf;
    for (int i = 0; i < 10; ++i) {
        deaf.emplace_back("127.0.0.1", server.management_port(), Wire::Options{.receive_buffer = 4096});
        deaf.back().send(i % 2 == 0 ? "EVNT\r\n" : "LOGG FOLLOW\r\n");
    }
    std::vector<ManagementClient> listeners;
    for (int i = 0; i < 190; ++i) {
        listeners.push_back(server.manager());
        REQUIRE(listeners.back().command(i % 2 == 0 ? "EVNT login" : "LOGG FOLLOW").starts_with("+OK"));
    }
    const std::size_t before = kilobytes_of(server.reactor(), "VmRSS");
    constexpr int rounds = 10;
    for (int round = 0; round < rounds; ++round) {
        std::vector<Pop3Client> clients;
        for (int user = 1; user <= 50; ++user) {
            clients.push_back(server.client());
            const std::string n = std::to_string(user);
            clients.back().send("USER user" + n + "\r\nPASS pass" + n + "\r\nQUIT\r\n");
        }
        for (Pop3Client& client : clients) REQUIRE(client.rest().ends_with("+OK Goodbye\r\n"));
        // The first listener keeps reading and gets every single login.
        for (int i = 0; i < 50; ++i) REQUIRE(listeners[0].line().find(" login ") != std::string::npos);
    }
    CHECK(kilobytes_of(server.reactor(), "VmRSS") < before + 128 * 1024);
    CHECK(parse_metrics(server.manager().command("METR")).historic == 50 * rounds);
}

TEST_CASE("the --admins file can contain administrators with hashed or plain secrets") {
    TempDirectory directory;
    // "s3cr3t word"
    const std::string admins = directory.file(
        "admins", "# who may\nroot:{SHA512-CRYPT}"
                  "$6$saltsalt$cYwDzxmFymwxVUzqxcdkYKpwMgvySbCr14OaJSdsrO/ojkV2rm/jVY64tm/nSqK.omYwPEHbAZlvUlcTQbVN81\n"
                  "ana:{PLAIN}a\n");
    const Server server{1, {"--admins", admins}};
    ManagementClient manager = server.manager();
    CHECK(manager.command("TRAN").starts_with("-ERR"));
    CHECK(manager.command("AUTH root wrong").starts_with("-ERR"));
    CHECK(manager.command("AUTH nobody s3cr3t word").starts_with("-ERR"));
    CHECK(manager.command("AUTH root s3cr3t word").starts_with("+OK"));
    CHECK(manager.command("TRAN") == "+OK off");
    CHECK(server.manager().command("AUTH ana a").starts_with("+OK"));
    CHECK(server.log().find("s3cr3t") == std::string::npos);
    CHECK(run_server({"--admins", directory / "none", "-d", directory.path().string(), "--check"}).code == 66);
    CHECK(run_server({"--admins", directory.file("bad", "root:{NONE}x\n"), "-d", directory.path().string(), "--check"})
              .code == 78);
}

TEST_CASE("three wrong administrator passwords end the connection, but lock nobody out") {
    const Server server{1, with_administrator};
    ManagementClient manager = server.manager();
    for (int i = 0; i < 3; ++i) CHECK(manager.command("AUTH root wrong").starts_with("-ERR"));
    CHECK(manager.ended());
    CHECK(server.manager().command("AUTH root wrong").starts_with("-ERR"));
    // Nobody is locked out forever.
    CHECK(as_root(server).command("TRAN") == "+OK off");
}

TEST_CASE("a shorter time limit also applies to connections that are already open") {
    const Server server{1, with_administrator};
    Pop3Client client = server.session();
    Pop3Client nobody = server.client();
    ManagementClient manager = as_root(server);
    CHECK(manager.command("CONF timeout 1").starts_with("+OK"));
    CHECK(manager.command("CONF login-timeout 1").starts_with("+OK"));
    CHECK(client.ended());
    CHECK(nobody.ended());
}

TEST_CASE("CONF verbose and log-format change the log of the running server") {
    const Server server{1, with_administrator};
    ManagementClient manager = as_root(server);
    const auto last_logout = [&] {
        const std::string log = server.log();
        const std::size_t at = log.rfind(" logout ");
        return at == std::string::npos ? std::string{} : log.substr(at, log.find('\n', at) - at);
    };
    server.session().quit();
    CHECK(eventually([&] { return !last_logout().empty(); }));
    CHECK(last_logout().find(" received=") == std::string::npos);
    CHECK(manager.command("CONF verbose on").starts_with("+OK"));
    server.session().quit();
    // USER user1, PASS pass1, QUIT
    CHECK(eventually([&] { return last_logout().find(" received=30 commands=3 ") != std::string::npos; }));
    CHECK(manager.command("CONF log-format json").starts_with("+OK"));
    server.session().quit();
    CHECK(server.logs("\"commands\":3"));
}

TEST_CASE("DRAIN refuses new clients, lets connected ones go on, and ends the server when the last has left") {
    Server server{2, with_administrator};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", "Subject: x\n\ny\n");
    Pop3Client client = server.session();
    Pop3Client late = server.client(); // has not logged in yet
    ManagementClient manager = as_root(server);
    CHECK(manager.command("DRAIN").starts_with("+OK"));
    CHECK(eventually([&] { return !reachable("127.0.0.1", server.port()); }));
    late.login("user2", "pass2");
    late.quit();
    // Neither another DRAIN nor another port or address makes it accept clients again.
    CHECK(manager.command("DRAI").starts_with("+OK"));
    CHECK(manager.command("PORT 0").starts_with("-ERR"));
    CHECK(manager.command("IPV6 127.0.0.2").starts_with("-ERR"));
    CHECK(manager.command("PORT") == "+OK 0");
    CHECK(client.retrieve(1) == "Subject: x\r\n\r\ny\r\n");
    CHECK(server.process().running());
    CHECK(client.command("DELE 1").starts_with("+OK"));
    client.quit();
    CHECK(server.process().wait() == 0);
    server.expect_no_clean_end();
    CHECK(server.maildir("user1").messages().empty());
}

TEST_CASE("WHYY shows a user's failed login, login and logout in this order") {
    const Server server{1};
    Pop3Client client = server.client();
    (void)client.command("USER user1");
    (void)client.command("PASS wrong");
    client.login("user1", "pass1");
    client.quit();
    const std::string told = server.manager().many("WHYY user1");
    CHECK(told.find("auth-fail") < told.find(" login "));
    CHECK(told.find(" login ") < told.find(" logout="));
    CHECK(server.manager().many("WHYY nobody").empty());
}

TEST_CASE("UNDL and FREE have nothing to do for a user who has never logged in") {
    const Server server{1, {"-a", "root:s3cr3t", "-u", "new:pass"}};
    ManagementClient manager = as_root(server);
    CHECK(manager.command("UNDL new") == "+OK 0");
    CHECK(manager.command("UNDL new 2020-01-01") == "+OK 0");
    CHECK(manager.command("FREE new") == "+OK done");
    CHECK(server.log().find("action=release") == std::string::npos);
    CHECK_FALSE(std::filesystem::exists(server.root() + "/new"));
    for (const char* const command : {"UNDL nobody", "FREE nobody"})
        CHECK(manager.command(command) == "-ERR no such user");
    std::filesystem::remove_all(server.root() + "/user1/new");
    std::filesystem::remove_all(server.root() + "/user1/cur");
    std::filesystem::create_directories(server.root() + "/user1/buzon-trash/1700000000");
    CHECK(manager.command("UNDL user1") == "-ERR nothing was restored: No such file or directory");
}

TEST_CASE("UNDL and FREE accept an existing user and refuse an unknown one") {
    const Server server{1, with_administrator};
    ManagementClient manager = as_root(server);
    CHECK(manager.command("UNDL user1") == "+OK 0");
    CHECK(manager.command("FREE user1").starts_with("+OK"));
    CHECK(manager.command("UNDL nobody").starts_with("-ERR"));
    CHECK(manager.command("FREE nobody").starts_with("-ERR"));
    server.session().quit();
}
