// system/manage_change_test.cpp - a manager reconfigures the running server: TRAN, PORT, IPV6, HOST, DIRR.
#include "support/catch.h"
#include "system/manage_server.h"

using namespace buzon::test;

TEST_CASE("TRAN takes effect for messages retrieved afterwards") {
    Words arguments = with_administrator;
    arguments.insert(arguments.end(), {"-T", "/usr/bin/tr a-z A-Z"});
    const MailServer server{arguments};
    const std::string plain = as_received(managed_mail);
    std::string upper = plain;
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    ManagementClient manager = administrator_of(server);
    Pop3Client client = server.session();
    CHECK(manager.command("TRAN") == "+OK on /usr/bin/tr a-z A-Z");
    CHECK(client.retrieve(1) == upper);
    CHECK(manager.command("TRAN 0").starts_with("+OK"));
    CHECK(manager.command("TRAN") == "+OK off");
    CHECK(client.command("RETR 1") == "+OK " + std::to_string(plain.size()) + " octets");
    CHECK(client.body() == plain);
    CHECK(manager.command("TRAN 1").starts_with("+OK"));
    CHECK(client.retrieve(1) == upper);
    CHECK(manager.command("TRAN /usr/bin/sed:s/o/0/g").starts_with("+OK"));
    CHECK(manager.command("TRAN") == "+OK on /usr/bin/sed:s/o/0/g");
    CHECK(client.retrieve(1) == "Subject: gesti0n\r\n\r\n.un0\r\nd0s\r\n");
    CHECK(manager.command("TRAN 0").starts_with("+OK"));
    CHECK(manager.command("TRAN 1").starts_with("+OK"));
    CHECK(manager.command("TRAN") == "+OK on /usr/bin/sed:s/o/0/g");
    for (const char* wrong : {"TRAN sed", "TRAN 2", "TRAN /usr/bin/sed 's", "TRAN -1"}) {
        CHECK(manager.command(wrong).starts_with("-ERR"));
        CHECK(manager.command("TRAN") == "+OK on /usr/bin/sed:s/o/0/g");
    }
    client.quit();
}

TEST_CASE("TRAN 1 without any program is refused") {
    const MailServer server;
    ManagementClient manager = server.manager();
    CHECK(manager.command("TRAN") == "+OK off");
    CHECK(manager.command("TRAN 1").starts_with("-ERR"));
    CHECK(manager.command("TRAN 0").starts_with("+OK"));
    CHECK(manager.command("TRAN") == "+OK off");
}

TEST_CASE("a RETR in progress keeps the filter that it started with") {
    TempDirectory directory;
    const std::string gate = directory / "gate", begun = directory / "begun";
    const MailServer server{
        {"-T", directory.script("filter", "> " + begun + "; while [ ! -e " + gate + " ]; do sleep 0.02; done; cat")}};
    ManagementClient manager = server.manager();
    Pop3Client waiting = server.session(1);
    waiting.send("RETR 1\r\n");
    REQUIRE(eventually([&] { return std::filesystem::exists(begun); }));
    CHECK(manager.command("TRAN 0").starts_with("+OK"));
    CHECK(server.session(2).retrieve(1) == as_received(managed_mail));
    CHECK(waiting.silent_for(Seconds{0.1}));
    (void)directory.file("gate", "");
    CHECK(waiting.line().starts_with("+OK "));
    CHECK(waiting.body() == as_received(managed_mail));
}

TEST_CASE("PORT moves the service while sessions go on") {
    const MailServer server;
    ManagementClient manager = server.manager();
    Pop3Client client = server.session(1);
    CHECK(manager.command("PORT") == "+OK " + std::to_string(server.port()));
    std::uint16_t next = free_port();
    CHECK(manager.command("PORT " + std::to_string(next)).starts_with("+OK"));
    CHECK(manager.command("PORT") == "+OK " + std::to_string(next));
    CHECK(client.retrieve(1) == as_received(managed_mail));
    CHECK(!reachable("127.0.0.1", server.port()));
    Pop3Client other{"127.0.0.1", next};
    other.login("user2", "pass2");
    CHECK(other.retrieve(1) == as_received(managed_mail));
    // The port that it already has: nothing to do.
    CHECK(manager.command("PORT " + std::to_string(next)).starts_with("+OK"));
    CHECK(reachable("127.0.0.1", next));
    client.quit();
    other.quit();
}

TEST_CASE("PORT with a taken or invalid port changes nothing") {
    const MailServer server;
    const TakenPort taken;
    ManagementClient manager = server.manager();
    Pop3Client client = server.session(1);
    for (const std::string& wrong : {std::to_string(taken.number()), std::to_string(server.management_port()),
                                     std::string("65536"), std::string("-1"), std::string("x"), std::string("1 2")}) {
        CAPTURE(wrong);
        CHECK(manager.command("PORT " + wrong).starts_with("-ERR"));
        CHECK(manager.command("PORT") == "+OK " + std::to_string(server.port()));
        CHECK(server.session(2).retrieve(1) == as_received(managed_mail));
    }
    CHECK(client.retrieve(1) == as_received(managed_mail));
    client.quit();
}

TEST_CASE("IPV6 moves the service to another address of either family") {
    const MailServer server;
    ManagementClient manager = server.manager();
    CHECK(manager.command("IPV6").starts_with("+OK"));
    Pop3Client client = server.session(1);
    std::vector<std::string> addresses = {"127.0.0.2", "127.0.0.1"};
    if (have_ipv6())
        addresses.insert(addresses.begin(), "::1");
    else
        WARN("this machine has no IPv6");
    for (const std::string& address : addresses) {
        CAPTURE(address);
        CHECK(manager.command("IPV6 " + address).starts_with("+OK"));
        CHECK(reachable(address, server.port()));
        if (address != "127.0.0.1") CHECK(!reachable("127.0.0.1", server.port()));
        CHECK(client.command("NOOP").starts_with("+OK"));
    }
    for (const char* wrong : {"IPV6 192.0.2.254", "IPV6 x", "IPV6 ::g", "IPV6 1.2.3"}) {
        CHECK(manager.command(wrong).starts_with("-ERR"));
        CHECK(reachable("127.0.0.1", server.port()));
    }
    CHECK(client.retrieve(1) == as_received(managed_mail));
    client.quit();
}

TEST_CASE("HOST changes the name in greetings and INFO") {
    const MailServer server;
    ManagementClient manager = server.manager();
    CHECK(manager.command("HOST nuevo.example").starts_with("+OK"));
    CHECK(manager.ask("HOST") == "nuevo.example");
    CHECK(manager.ask("INFO").starts_with("nuevo.example;"));
    CHECK(server.client().greeting().ends_with("@nuevo.example>"));
    for (const char* wrong : {"HOST a b", "HOST a;b", "HOST -", "HOST a<b>", "HOST a..b"}) {
        CAPTURE(wrong);
        CHECK(manager.command(wrong).starts_with("-ERR"));
    }
    CHECK(manager.ask("HOST") == "nuevo.example");
}

TEST_CASE("DIRR takes effect for later logins") {
    TempDirectory other;
    (void)Maildir{other / "user1"}.deliver("1700000001.M1P1.h", "another\n");
    const MailServer server{with_administrator};
    ManagementClient manager = administrator_of(server);
    CHECK(manager.ask("DIRR") == server.root());
    Pop3Client before = server.session(1);
    CHECK(manager.command("DIRR " + other.path().string()).starts_with("+OK"));
    CHECK(before.retrieve(1) == as_received(managed_mail));
    before.quit();
    CHECK(server.maildir("user1").messages()[0].starts_with("cur/"));
    CHECK(server.session(1).retrieve(1) == "another\r\n");
    for (const std::string& wrong : {other / "nothing", other.file("file", ""), std::string("relative/nothing")}) {
        CHECK(manager.command("DIRR " + wrong).starts_with("-ERR"));
        CHECK(manager.ask("DIRR") == other.path());
    }
}
