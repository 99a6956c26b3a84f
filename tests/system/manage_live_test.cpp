// system/manage_live_test.cpp - a manager watches: LOGG, EVNT, and the metrics over HTTP.
#include <set>
#include <sstream>

#include "support/catch.h"
#include "system/manage_server.h"

using namespace buzon::test;

TEST_CASE("LOGG shows the last lines of the log") {
    const MailServer server;
    for (int i = 0; i < 5; ++i) server.session().quit();
    ManagementClient manager = server.manager();
    REQUIRE(manager.command("LOGG").starts_with("+OK"));
    const std::vector<std::string> all = manager.body_lines();
    CHECK(all.size() >= 5);
    REQUIRE(manager.command("LOGG 2").starts_with("+OK"));
    const std::vector<std::string> two = manager.body_lines();
    REQUIRE(two.size() == 2);
    CHECK(all[all.size() - 1].find("user1") != std::string::npos);
    for (const char* wrong : {"LOGG x", "LOGG -1", "LOGG 1 2"}) CHECK(manager.command(wrong).starts_with("-ERR"));
}

TEST_CASE("LOGG FOLLOW is live until the manager sends a line") {
    const MailServer server;
    ManagementClient manager = server.manager();
    REQUIRE(manager.command("LOGG FOLLOW").starts_with("+OK"));
    server.session(2).quit();
    std::string line;
    do line = manager.line();
    while (line.find("user2") == std::string::npos);
    manager.send("METR\r\n"); // ends the view and is not run
    do line = manager.line();
    while (line != ".");
    CHECK(manager.command("NOOP").starts_with("+OK"));
}

TEST_CASE("EVNT shows what happens as it happens") {
    MailServer server;
    ManagementClient manager = server.manager();
    CHECK(manager.command("EVNT no-such-event").starts_with("-ERR"));
    REQUIRE(manager.command("EVNT login retr").starts_with("+OK"));
    Pop3Client client = server.session(2);
    CHECK(client.command("NOOP").starts_with("+OK"));
    (void)client.retrieve(1);
    client.quit();
    const std::string login = manager.line(), retrieved = manager.line();
    CHECK(login.find(" login ") != std::string::npos);
    CHECK(login.find(" user=user2") != std::string::npos);
    CHECK(retrieved.find(" retr ") != std::string::npos);
    manager.send("\r\n");
    CHECK(manager.line() == ".");
    CHECK(manager.command("NOOP").starts_with("+OK"));
    REQUIRE(manager.command("EVNT server").starts_with("+OK"));
    CHECK(server.stop() == 0);
    server.expect_no_clean_end();
    CHECK(manager.line().find(" action=stopping") != std::string::npos);
}

TEST_CASE("every type of event is seen when it happens, and all lines of a session have the same number") {
    Words arguments = with_administrator;
    arguments.insert(arguments.end(), {"-T", "/bin/false"});
    MailServer server{arguments};
    ManagementClient manager = administrator_of(server);
    ManagementClient watcher = administrator_of(server);
    CHECK(manager.command("TRAN 0") == "+OK off");
    REQUIRE(watcher.command("EVNT").starts_with("+OK"));
    CHECK(manager.command("CONF undelete-grace 3") == "+OK 3");
    Pop3Client client = server.client();
    (void)client.command("USER user1");
    CHECK(client.command("PASS wr0ng-w0rd").starts_with("-ERR"));
    client.login("user1", "pass1");
    (void)client.retrieve(1);
    CHECK(client.command("TOP 1 0").starts_with("+OK"));
    (void)client.body();
    CHECK(manager.command("TRAN 1").starts_with("+OK"));
    CHECK(client.command("RETR 1").starts_with("-ERR [SYS/TEMP]"));
    CHECK(client.command("DELE 1").starts_with("+OK"));
    Pop3Client second = server.client();
    (void)second.command("USER user1");
    CHECK(second.command("PASS pass1").starts_with("-ERR [IN-USE]"));
    second.quit(); // DRAIN waits for all connected clients
    client.quit();
    CHECK(manager.command("UNDL user1") == "+OK 1");
    const Pop3Client kicked = server.session(2);
    CHECK(manager.command("KICK user2") == "+OK 1");
    (void)administrator_of(server);
    CHECK(manager.command("FREE user1").starts_with("+OK"));
    CHECK(manager.command("USER PASS user2 s3cr3t-t00").starts_with("+OK"));
    CHECK(manager.command("DRAIN").starts_with("+OK"));
    const std::map<std::string, std::string> expected = {
        {"connect", "ip=127.0.0.1 "}, {"auth-fail", "user=user1 "},  {"login", "user=user1 "},
        {"retr", "user=user1 "},      {"top", "user=user1 "},        {"filter-fail", "cause=exit "},
        {"refused", "user=user1 "},   {"dele", "messages=1 "},       {"logout", "reason=quit "},
        {"undelete", "user=user1 "},  {"kick", "target=user2 "},     {"manager", "result=ok "},
        {"uidl", "action=release "},  {"config", "what=user-pass "}, {"server", "action=drain "}};
    std::set<std::string> seen, sessions;
    for (std::string line; line.find(" server ") == line.npos;) {
        line = watcher.line() + ' ';
        CHECK(line.find("s3cr3t") == line.npos);
        CHECK(line.find("wr0ng") == line.npos);
        std::istringstream words{line};
        std::string time, type;
        words >> time >> type;
        if (const auto at = expected.find(type); at != expected.end() && line.find(at->second) != line.npos)
            seen.insert(type);
        if (line.find("user=user1 ip=") == line.npos && type != "retr" && type != "top" && type != "dele") continue;
        if (type == "refused") continue; // the second client
        const std::size_t from = line.find("session=");
        REQUIRE(from != line.npos);
        sessions.insert(line.substr(from, line.find(' ', from) - from));
    }
    for (const auto& [type, what] : expected) {
        CAPTURE(type, what);
        CHECK(seen.contains(type));
    }
    CHECK(sessions.size() == 1);
    CHECK(server.process().wait() == 0); // no client was left
    server.expect_no_clean_end();
}

TEST_CASE("an EVNT listener that never reads delays no session and does not make the server grow") {
    const Server server{50};
    Wire lazy{"127.0.0.1", server.management_port(), {.receive_buffer = 4096}};
    lazy.send("EVNT\r\n");
    const std::size_t before = kilobytes_of(server.reactor(), "VmRSS");
    for (int round = 0; round < 40; ++round) {
        std::vector<Pop3Client> clients;
        for (int user = 1; user <= 50; ++user) {
            clients.push_back(server.client());
            const std::string n = std::to_string(user);
            clients.back().send("USER user" + n + "\r\nPASS pass" + n + "\r\nQUIT\r\n");
        }
        for (Pop3Client& client : clients) REQUIRE(client.rest().ends_with("+OK Goodbye\r\n"));
    }
    CHECK(kilobytes_of(server.reactor(), "VmRSS") < before + 64 * 1024);
    CHECK(metrics_of(server).historic == 2000);
}

TEST_CASE("an EVNT listener that reads late gets whole lines in order, and the number of lines it has lost") {
    const MailServer server{with_administrator};
    Wire late{"127.0.0.1", server.management_port(), {.receive_buffer = 4096}};
    REQUIRE(late.line().starts_with("+OK"));
    late.send("AUTH root s3cr3t\r\n");
    REQUIRE(late.line().starts_with("+OK"));
    late.send("EVNT config\r\n");
    REQUIRE(late.line().starts_with("+OK"));
    ManagementClient busy = administrator_of(server);
    std::string hundred;
    constexpr unsigned rounds = 600;
    unsigned changes = 0;
    for (unsigned round = 0; round < rounds; ++round) {
        hundred.clear();
        for (int i = 0; i < 100; ++i) hundred += "CONF timeout " + std::to_string(1000 + changes++) + "\r\n";
        busy.send(hundred);
        for (int i = 0; i < 100; ++i) REQUIRE(busy.line().starts_with("+OK"));
    }
    unsigned next = 1000, lost = 0, notes = 0;
    while (next < 1000 + changes) {
        const std::string line = late.line();
        if (const std::size_t at = line.find(" lost count="); at != std::string::npos) {
            const auto count = static_cast<unsigned>(std::stoul(line.substr(at + 12)));
            next += count;
            lost += count;
            ++notes;
        } else {
            INFO(line);
            REQUIRE(line.find(" config level=notice what=timeout value=" + std::to_string(next++) + " by=") !=
                    std::string::npos);
        }
    }
    CHECK(next == 1000 + changes);
    CHECK(notes > 0);
    CHECK(lost > 0);
    late.send("\r\n");
    CHECK(late.line() == ".");
}

TEST_CASE("the metrics listener speaks HTTP and nothing else") {
    TempDirectory mail;
    Server::Setup setup;
    setup.arguments = {"--metrics", "127.0.0.1:0", "-u", "user1:pass1"};
    const Server server{setup};
    server.session().quit();
    ManagementClient manager = server.manager();
    REQUIRE(manager.command("INFO *").starts_with("+OK"));
    std::uint16_t port = 0;
    for (const std::string& line : manager.body_lines())
        (void)std::sscanf(line.c_str(), "metrics 127.0.0.1:%hu", &port);
    REQUIRE(port != 0);
    const auto ask = [&](const std::string& request) {
        Wire wire{"127.0.0.1", port};
        wire.send(request);
        return wire.rest(true);
    };
    for (const char* version : {"HTTP/1.0", "HTTP/1.1"}) {
        const std::string answer =
            ask(std::string("GET /metrics ") + version + "\r\nHost: x\r\nConnection: close\r\n\r\n");
        CHECK(answer.starts_with("HTTP/1."));
        CHECK(answer.find(" 200 ") < 15);
        CHECK(answer.find("\r\n\r\n") != std::string::npos);
        CHECK(answer.find("# TYPE ") != std::string::npos);
        const std::string head =
            ask(std::string("HEAD /metrics ") + version + "\r\nHost: x\r\nConnection: close\r\n\r\n");
        CHECK(head.ends_with("\r\n\r\n"));
    }
    CHECK(ask("GET /other HTTP/1.0\r\n\r\n").find(" 404 ") < 15);
    CHECK(ask("POST /metrics HTTP/1.0\r\nContent-Length: 0\r\n\r\n").find(" 405 ") < 15);
    CHECK(ask("METR\r\n\r\n").find("+OK") == std::string::npos);
    const Finished curl =
        run({"curl", "-sS", "--max-time", "30", "http://127.0.0.1:" + std::to_string(port) + "/metrics"});
    CHECK(curl.code == 0);
    CHECK(curl.out.find("buzon") != std::string::npos);
}
