// system/extensions_test.cpp - SEARCH, REPORT, and restoring deleted mail (--undelete-grace, UNDL).
#include <algorithm>
#include <fstream>

#include "support/catch.h"
#include "system/manage_server.h"
#include "system/strace.h"

using namespace buzon::test;

namespace {

Words search(Pop3Client& client, const std::string& criteria) {
    CAPTURE(criteria);
    REQUIRE(client.command("SEARCH " + criteria) == "+OK Matching messages follow");
    return client.body_lines();
}

Words report(Pop3Client& client) {
    REQUIRE(client.command("REPORT 1") == "+OK Report of earlier sessions follows");
    return client.body_lines();
}

bool matches(const std::string& line, const std::string& middle) {
    // behind a timestamp, "2026-11-27T23:50:28Z"
    return line.size() > 21 && line[10] == 'T' && line[19] == 'Z' && line.substr(21).starts_with(middle);
}

Words uidls(Pop3Client& client) {
    REQUIRE(client.command("UIDL").starts_with("+OK"));
    return client.body_lines();
}

} // namespace

TEST_CASE("SEARCH finds messages by header, date and size, leaving out deleted ones") {
    const MailServer server{{"-a", "root:s3cr3t"}};
    const Maildir maildir = server.maildir("user2");
    (void)maildir.put_in_cur("1700100000.a:2,S",
                             "Subject: =?utf-8?q?=C3=91and=C3=BA?=\nFrom: Ana <ana@faro.example>\n\nSubject: body\n");
    (void)maildir.deliver("1700200000.b", "subject: a\n\tlong \"quoted\" one\nTo: luis@faro.example\nX-Y: needle\n\n" +
                                              std::string(5000, 'x') + "\n");
    Pop3Client client = server.session(2);
    const std::string first = "1 31", second = client.command("LIST 2").substr(4),
                      third = client.command("LIST 3").substr(4);
    CHECK(search(client, "TEXT gestion") == Words{first});
    CHECK(search(client, "SUBJECT \xC3\xB1\x41NDU") == Words{}); // the accent matters
    CHECK(search(client, "subject \"\xC3\x91\x41ND\xC3\x9A\"") == Words{second});
    CHECK(search(client, "FROM ana TEXT faro") == Words{second});
    CHECK(search(client, "TEXT faro NOT TO luis") == Words{second});
    CHECK(search(client, "SUBJECT \"long \\\"quoted\\\"\"") == Words{third});
    CHECK(search(client, "TEXT needle") == Words{third});
    CHECK(search(client, "TEXT body") == Words{});
    CHECK(search(client, "LARGER 1000") == Words{third});
    CHECK(search(client, "SMALLER 1000") == Words{first, second});
    CHECK(search(client, "SINCE 2023-11-16 BEFORE 2023-11-17") == Words{second}); // 1700100000 is the 16th
    CHECK(search(client, "SINCE 16-Nov-2023 NOT LARGER 1000") == Words{second});
    CHECK(client.command("DELE 3").starts_with("+OK"));
    CHECK(search(client, "TEXT faro") == Words{second});
    CHECK(search(client, "LARGER 0") == Words{first, second});
    CHECK(client.command("SEARCH FOO x") == "-ERR Invalid search criteria");
    // A message that another program has removed is not found, and pipelined commands keep their order.
    maildir.remove("1700100000.a");
    client.send("SEARCH TEXT faro\r\nNOOP\r\nSEARCH TEXT gestion\r\nSTAT\r\n");
    CHECK(client.exactly(
              std::string("+OK Matching messages follow\r\n.\r\n+OK\r\n+OK Matching messages follow\r\n1 31\r\n.\r\n")
                  .size()) ==
          "+OK Matching messages follow\r\n.\r\n+OK\r\n+OK Matching messages follow\r\n1 31\r\n.\r\n");
    CHECK(client.line().starts_with("+OK 2 "));

    CHECK(client.many("CAPA").find("\r\nSEARCH SUBJECT FROM TO TEXT SINCE BEFORE LARGER SMALLER NOT\r\n") !=
          std::string::npos);
    ManagementClient manager = administrator_of(server);
    CHECK(manager.command("CONF disable SEARCH,REPORT").starts_with("+OK"));
    CHECK(client.command("SEARCH TEXT x") == "-ERR Unknown command");
    CHECK(client.command("REPORT") == "-ERR Unknown command");
    const std::string capabilities = client.many("CAPA");
    CHECK(capabilities.find("SEARCH") == std::string::npos);
    CHECK(capabilities.find("REPORT") == std::string::npos);
}

TEST_CASE("a search through much mail delays no other session and is cancelled when its client disconnects") {
    const MailServer server;
    const Maildir maildir = server.maildir("user2");
    constexpr int count = 3000;
    for (int i = 0; i < count; ++i)
        std::ofstream{maildir.path() / "new" / (std::to_string(1700001000 + i) + ".x")} << "Subject: n" << i << "\n\n";
    Pop3Client searching = server.session(2), other = server.session(1);
    searching.send("SEARCH TEXT nothing-has-this SUBJECT n\r\nSEARCH SUBJECT n29 NOT TEXT n290\r\nNOOP\r\n");
    CHECK(other.retrieve(1) == as_received(managed_mail));
    CHECK(searching.line() == "+OK Matching messages follow");
    CHECK(searching.line() == ".");
    CHECK(searching.line() == "+OK Matching messages follow");
    CHECK(searching.body_lines().size() == 1 + 9 + 90); // 29, 291-299, 2910-2999
    CHECK(searching.line() == "+OK");
    // Many searches at once from a client that resets its connection: nothing of them remains.
    for (int i = 0; i < 20; ++i) searching.send("SEARCH TEXT nothing-has-this\r\n");
    searching.reset();
    CHECK(eventually([&] {
        ManagementClient manager = server.manager();
        return manager.ask("METR workers-busy") == "0";
    }));
    CHECK(server.session(2).command("NOOP") == "+OK");
}

TEST_CASE("REPORT lists what earlier sessions did and which logins failed") {
    MailServer server;
    (void)server.maildir("user1").deliver("1700000002.M1P1.h", "Subject: two\n\n");
    {
        Pop3Client client = server.session();
        CHECK(report(client).empty());
        (void)client.retrieve(1);
        (void)client.retrieve(2);
        CHECK(client.command("DELE 2").starts_with("+OK"));
        client.quit();
    }
    for (int i = 0; i < 3; ++i) {
        Pop3Client guess = server.client();
        (void)guess.command("USER user1");
        CHECK(guess.command("PASS guess").starts_with("-ERR"));
        CHECK(guess.command("REPORT") == "-ERR Log in first");
    }
    for (int i = 0; i < 4; ++i) server.session().quit();
    const auto check = [&server] {
        Pop3Client client = server.session();
        const Words lines = report(client);
        REQUIRE(lines.size() >= 3);
        CHECK(matches(lines[0], "session from=127.0.0.1 seconds="));
        CHECK(lines[0].find(" retr=2 dele=1 bytes=") != std::string::npos);
        CHECK(lines[0].ends_with(" end=quit"));
        CHECK(matches(lines[1], "refused from=127.0.0.1 times=3 until=20"));
        CHECK(matches(lines[2], "idle from=127.0.0.1 times="));
        return lines;
    };
    CHECK(check()[2].find("times=4 ") != std::string::npos);
    CHECK(server.session(2).command("REPORT").starts_with("+OK"));
    // A clean shutdown saves what was not written yet, and each user has a report of their own.
    CHECK(server.stop() == 0);
    server.expect_no_clean_end();
    CHECK(std::filesystem::file_size(server.maildir("user1").path() / "buzon-report") <= 64000);
    Server::Setup setup;
    setup.arguments = {"-d", server.root(), "-u", "user1:pass1", "-u", "user2:pass2"};
    setup.own_root = true;
    const Server again{setup};
    Pop3Client client = again.session(1);
    CHECK(report(client).size() == 3);
    Pop3Client other = again.session(2);
    for (const std::string& line : report(other)) CHECK(matches(line, "idle "));
}

TEST_CASE("REPORT includes all that ended before it, even while earlier records are being written") {
    const MailServer server{{"--sessions", "shared"}};
    Pop3Client askers[] = {server.session(), server.session(), server.session()};
    const auto guess = [&server](const char* from) {
        Pop3Client::Options options;
        options.from = from;
        Pop3Client client{"127.0.0.1", server.port(), options};
        (void)client.command("USER user1");
        CHECK(client.command("PASS wrong").starts_with("-ERR [AUTH]"));
    };
    int guesses = 0;
    for (int round = 0; round < 30; ++round) {
        guess("127.0.0.1");
        guess("127.0.0.2");
        guesses += 2;
        // All ask at once: the others must wait for what is being written for the first.
        for (Pop3Client& asker : askers) asker.send("REPORT\r\n");
        for (Pop3Client& asker : askers) {
            CHECK(asker.line().starts_with("+OK"));
            int told = 0;
            for (const std::string& line : asker.body_lines()) told += matches(line, "refused from=127.0.0.");
            CHECK(told == guesses);
        }
    }
}

TEST_CASE("deleted mail is kept, can be restored with its UIDL, and is removed when its grace period is over") {
    const MailServer server{{"-a", "root:s3cr3t", "--undelete-grace", "6"}};
    const auto old = [&server](const char* user) {
        const auto folder = server.maildir(user).path() / "buzon-trash/1500000000";
        std::filesystem::create_directories(folder);
        std::ofstream{folder / "1400000000.old"} << "old\n";
        return folder;
    };
    // The walks begun by the start and by a new grace period are over before the rest begins.
    ManagementClient manager = administrator_of(server);
    const auto before_all = {old("user1"), old("user2")};
    CHECK(manager.command("CONF undelete-grace 7").starts_with("+OK"));
    CHECK(eventually([&] { return std::ranges::none_of(before_all, [](const auto& it) { return exists(it); }); }));

    const Maildir maildir = server.maildir("user1");
    (void)maildir.put_in_cur("1700000002.M1P1.h:2,F", "Subject: two\n\n");
    (void)maildir.deliver("1700000003.con espacio", "Subject: three\n\n");
    Words before;
    {
        Pop3Client client = server.session();
        before = uidls(client);
        for (const char* command : {"DELE 1", "DELE 2", "DELE 3"}) CHECK(client.command(command).starts_with("+OK"));
        client.quit();
    }
    CHECK(maildir.messages().empty());
    CHECK(server.session().command("STAT") == "+OK 0 0");
    CHECK(manager.command("UNDL user1 2099-01-01") == "+OK 0");
    CHECK(manager.command("UNDL user1 2020-01-01T00:00:00Z") == "+OK 3");
    CHECK(manager.command("UNDL user1") == "+OK 0");
    {
        Pop3Client client = server.session();
        CHECK(uidls(client) == before);
        CHECK(client.retrieve(2) == "Subject: two\r\n\r\n");
        client.quit();
    }
    CHECK(maildir.find("1700000002.M1P1.h").filename() == "1700000002.M1P1.h:2,F");

    // Expired mail is removed when the user deletes something, and from all other maildrops by a walk.
    const auto first = old("user1"), second = old("user2");
    {
        Pop3Client client = server.session();
        CHECK(client.command("DELE 1").starts_with("+OK"));
        client.quit();
    }
    CHECK(eventually([&] { return !std::filesystem::exists(first); }));
    CHECK(std::filesystem::exists(second));
    CHECK(manager.command("CONF undelete-grace 8").starts_with("+OK"));
    CHECK(eventually([&] { return !std::filesystem::exists(second); }));
    CHECK(manager.command("UNDL user1") == "+OK 1"); // the recent one stayed

    // Switched off: deleted mail is gone at once, and what was kept is left alone.
    CHECK(manager.command("CONF undelete-grace 0").starts_with("+OK"));
    Pop3Client client = server.session();
    CHECK(client.command("DELE 1").starts_with("+OK"));
    client.quit();
    CHECK(manager.command("UNDL user1") == "+OK 0");
}

TEST_CASE("with utf8-strict, RETR and TOP refuse a non-ASCII header unless the client has sent UTF8") {
    const std::string refusal = "-ERR [UTF8] The message has a UTF-8 header; send UTF8 before logging in";
    const std::string padding_field = "X-Filler: " + std::string(980, 'x') + "\r\n";
    const auto fill = [&](std::size_t octets) {
        std::string header;
        while (header.size() < octets) header += padding_field;
        return header;
    };
    const std::string body(200'000, 'y');
    struct Case {
        const char* name;
        std::string mail;
        bool ascii;
    };
    const std::vector<Case> cases = {
        {"8-bit subject", "Subject: a\xc3\xb1o\r\n\r\nx\r\n", false},
        {"8-bit body", "Subject: a\r\n\r\na\xc3\xb1o\r\n", true},
        {"no body", "Subject: a\r\nFrom: \xf1\r\n", false},
        {"large, in wire form", "Subject: a\r\n\r\n" + body + "\xc3\xb1\r\n", true},
        {"large, 8-bit subject", "Subject: \xc3\xb1\r\n\r\n" + body + "\r\n", false},
        {"behind 100 KiB of header", fill(100 * 1024) + "Subject: \xc3\xb1\r\n\r\nx\r\n", false},
        {"beyond what is looked at", fill(300 * 1024) + "Subject: \xc3\xb1\r\n\r\nx\r\n", true},
    };
    Server server{1, {"-a", "root:s3cr3t"}};
    for (std::size_t i = 0; i < cases.size(); ++i)
        (void)server.maildir("user1").put_in_cur("170000000" + std::to_string(i) + ".M1P1.h:2,S", cases[i].mail);
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    const auto check = [&](bool strict) {
        Pop3Client client = server.session();
        for (std::size_t i = 0; i < cases.size(); ++i) {
            CAPTURE(cases[i].name, strict);
            const std::string number = std::to_string(i + 1);
            if (strict && !cases[i].ascii) {
                CHECK(client.command("RETR " + number) == refusal);
                CHECK(client.command("TOP " + number + " 0") == refusal);
                continue;
            }
            CHECK(client.command("RETR " + number) == octets_reply(cases[i].mail));
            CHECK(difference(client.body(), as_received(cases[i].mail)) == "");
            CHECK(difference(client.many("TOP " + number + " 1"), top_of(cases[i].mail, 1)) == "");
        }
        client.quit();
    };
    check(false);
    CHECK(manager.command("CONF utf8-strict on").starts_with("+OK"));
    check(true);
    {
        // A message that is not in memory is read by a worker.
        const Strace strace{server, injection("preadv2:error=EAGAIN"), "/dev/null", Strace::Holds::server};
        check(true);
    }
    Pop3Client knows = server.client();
    CHECK(knows.command("UTF8").starts_with("+OK"));
    knows.login("user1", "pass1");
    CHECK(knows.retrieve(1) == as_received(cases[0].mail));
    knows.quit();

    // For a transformed message, the transformed header counts.
    Pop3Client client = server.session();
    CHECK(manager.command("TRAN /usr/bin/env LC_ALL=C /bin/sed '1s/[^ -~]/?/g'").starts_with("+OK"));
    CHECK(client.command("RETR 1").starts_with("+OK"));
    CHECK(client.body().starts_with("Subject: a??o"));
    CHECK(client.command("RETR 5") == "+OK message follows");
    CHECK(client.body().starts_with("Subject: ??"));
    CHECK(manager.command("TRAN /usr/bin/env LC_ALL=C /bin/sed '1s/^/X: \xc3\xb1\\n/'").starts_with("+OK"));
    CHECK(client.command("RETR 2") == refusal);
    CHECK(client.command("RETR 4") == refusal); // too long to be held back whole
    CHECK(client.command("TOP 4 0") == refusal);
    CHECK(client.command("NOOP") == "+OK");
    client.quit();
}
