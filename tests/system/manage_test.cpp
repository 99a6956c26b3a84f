// system/manage_test.cpp - the management protocol as a manager's program sees it: framing and queries (contract
// section 4).
#include "support/catch.h"
#include "system/manage_server.h"

using namespace buzon::test;

TEST_CASE("METR counts messages, octets and users as soon as they are known") {
    const MailServer server;
    CHECK(metrics_of(server) == Metrics{});
    std::uint64_t octets = 0;

    Pop3Client refused = server.client();
    (void)refused.command("USER user1");
    CHECK(refused.command("PASS wrong").starts_with("-ERR"));
    CHECK(metrics_of(server) == Metrics{0, refused.received(), 0, 0}); // a failed login is not historic
    refused.quit();
    octets += refused.received();

    Pop3Client one = server.session(1);
    CHECK(metrics_of(server) == Metrics{0, octets + one.received(), 1, 1});
    (void)one.many("TOP 1 100");
    CHECK(metrics_of(server) == Metrics{0, octets + one.received(), 1, 1}); // TOP counts octets only
    (void)one.retrieve(1);
    (void)one.retrieve(1);
    CHECK(one.command("RETR 2").starts_with("-ERR"));
    CHECK(metrics_of(server) == Metrics{2, octets + one.received(), 1, 1});
    Pop3Client two = server.session(2);
    CHECK(metrics_of(server) == Metrics{2, octets + one.received() + two.received(), 2, 2});
    one.quit();
    two.quit();
    octets += one.received() + two.received();
    CHECK(metrics_of(server) == Metrics{2, octets, 0, 2});
    for (int i = 0; i < 3; ++i) {
        Pop3Client again = server.session(1);
        (void)again.retrieve(1);
        again.quit();
        octets += again.received();
    }
    CHECK(metrics_of(server) == Metrics{5, octets, 0, 5});
}

TEST_CASE("a message is not counted unless its last octet has been sent") {
    const Server server{1};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", std::string(30'000'000, 'x'));
    {
        Pop3Client client{"127.0.0.1", server.port(), {.receive_buffer = 4096}};
        client.login("user1", "pass1");
        REQUIRE(client.command("RETR 1").starts_with("+OK"));
        (void)client.exactly(100000);
        CHECK(metrics_of(server).messages == 0);
        CHECK(metrics_of(server).online == 1);
        client.reset();
    }
    CHECK(eventually([&] { return metrics_of(server).online == 0; }));
    CHECK(metrics_of(server).messages == 0);
    CHECK(metrics_of(server).historic == 1);
    CHECK(metrics_of(server).octets < 30'000'000);
}

TEST_CASE("keywords may be in any case, and lines may end in CRLF or LF and arrive in pieces") {
    const MailServer server;
    ManagementClient manager = server.manager();
    manager.send("me");
    manager.wait_until_read();
    manager.send("TR\r");
    manager.wait_until_read();
    manager.send("\nnoop\ntran\r\nMetr\n");
    CHECK(manager.line() == "+OK 0;0;0;0");
    CHECK(manager.line().starts_with("+OK"));
    CHECK(manager.line() == "+OK off");
    CHECK(manager.line() == "+OK 0;0;0;0");
    for (const char* command :
         {"METRX", "MET", "XYZZ", "", "STAT", "RETR 1", "LIST", "METR no-such-metric", "METR a b"})
        CHECK(manager.command(command).starts_with("-ERR"));
    CHECK(manager.command(std::string(10000, 'x')).starts_with("-ERR"));
    CHECK(manager.command("NOOP").starts_with("+OK"));
    CHECK(manager.command("QUIT").starts_with("+OK"));
    CHECK(manager.ended());
}

TEST_CASE("METR with a star lists every metric, and each can be queried by name") {
    const MailServer server;
    server.session().quit();
    ManagementClient manager = server.manager();
    REQUIRE(manager.command("METR *").starts_with("+OK"));
    const std::vector<std::string> lines = manager.body_lines();
    CHECK(lines.size() >= 4);
    for (const std::string& line : lines) {
        CAPTURE(line);
        const std::size_t space = line.find(' ');
        REQUIRE(space != std::string::npos);
        CHECK(line.find_first_not_of("0123456789.-", space + 1) == std::string::npos);
        CHECK(manager.command("METR " + line.substr(0, space)).starts_with("+OK "));
    }
}

TEST_CASE("INFO names the host, the mail root and the addresses") {
    const MailServer server{{"--host", "faro.example"}};
    ManagementClient manager = server.manager();
    CHECK(manager.ask("INFO") == "faro.example;" + server.root() + ";127.0.0.1");
    REQUIRE(manager.command("INFO *").starts_with("+OK"));
    CHECK(!manager.body_lines().empty());
}

TEST_CASE("HELP names every command") {
    const Server server{1};
    ManagementClient manager = server.manager();
    const std::string help = manager.many("HELP");
    for (const char* command : {"METR", "INFO", "TRAN", "HOST", "DIRR", "PORT", "IPV6", "LOGG", "HELP", "NOOP", "QUIT",
                                "EVNT", "HIST", "CONF", "SESS", "KICK", "USER", "SAVE", "AUTH"})
        CHECK(help.find(command) != std::string::npos);
}

TEST_CASE("other protocols are disconnected at their first line") {
    const Server server{1};
    for (const std::string& first :
         {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string("POST /METR HTTP/1.0\r\n\r\nMETR\r\n"),
          std::string("\x16\x03\x01\x00\xa5\x01\x00\x00", 8), std::string("\x16", 1)}) {
        Wire wire{"127.0.0.1", server.management_port()};
        wire.send(first);
        const std::string all = wire.rest(true);
        CHECK(all.starts_with("+OK buzon management ready\r\n-ERR"));
        CHECK(all.find("+OK", 3) == std::string::npos);
        CHECK(std::count(all.begin(), all.end(), '\n') == 2);
    }
    CHECK(server.manager().command("NOOP").starts_with("+OK"));
}
