// system/timeout_test.cpp - connections that are silent, send too little, or take too long.
#include <optional>

#include "support/catch.h"
#include "system/server.h"

using namespace buzon::test;

TEST_CASE("autologout closes the connection without a response and removes nothing") {
    Server server{1, {"--timeout", "1"}};
    const Maildir maildir = server.maildir("user1");
    (void)maildir.deliver("1700000001.M1P1.h", "Subject: a\n");
    Pop3Client client = server.client();
    client.send(
        "USER user1\r\nPASS pass1\r\nRETR 1\r\nDELE 1\r\n"); // in one piece: a busy machine's pause would be idle time
    CHECK(client.rest().ends_with("+OK Message 1 deleted\r\n"));
    CHECK(maildir.messages() == std::vector<std::string>{"new/1700000001.M1P1.h"});
    CHECK(eventually([&] {
        Pop3Client next = server.client();
        (void)next.command("USER user1");
        return next.command("PASS pass1").starts_with("+OK");
    }));
    CHECK(server.logs("600")); // the warning about RFC 1939's ten minutes
}

TEST_CASE("half a command does not count as activity") {
    Server server{1, {"--timeout", "1"}};
    Pop3Client client = server.session();
    // Send an octet now and then, for much longer than the limit, until the server closes.
    bool lost = false;
    for (int i = 0; i < 200 && !lost; ++i) {
        try {
            client.send("x");
        } catch (const ConnectionLost&) {
            lost = true;
        }
        if (!lost && !client.silent_for(Seconds{0.1})) lost = client.ended();
    }
    CHECK(lost);
}

TEST_CASE("complete commands keep a session alive") {
    Server server{1, {"--timeout", "2"}};
    // Commands are half a second apart. If a slow machine makes that longer than the limit, try again.
    const auto is_kept = [&] {
        Pop3Client client = server.session();
        for (int i = 0; i < 6; ++i) {
            const auto before = std::chrono::steady_clock::now();
            try {
                pause_for(Seconds{0.5});
                CHECK(client.command("NOOP").starts_with("+OK"));
            } catch (const ConnectionLost&) {
                REQUIRE(std::chrono::steady_clock::now() - before > std::chrono::milliseconds{1900});
                return false;
            }
        }
        client.quit();
        return true;
    };
    CHECK(eventually(is_kept));
}

TEST_CASE("a transfer that makes progress counts as activity, however slow") {
    Server server{1, {"--timeout", "2"}};
    std::string mail;
    while (mail.size() < 6'000'000) mail += "una linea de sesenta y tres octetos para llenar un correo grande\n";
    (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", mail);
    const std::string wanted = as_sent(mail); // now: later, it would be idle time, seconds of it on a busy machine
    Pop3Client client{"127.0.0.1", server.port(), {.receive_buffer = 4096}};
    client.login("user1", "pass1");
    REQUIRE(client.command("RETR 1").starts_with("+OK"));
    // Four seconds of slow reading, twice the limit, then the rest at once.
    std::string body;
    for (int i = 0; i < 16; ++i) {
        body += client.some(16384);
        pause_for(Seconds{0.25});
    }
    REQUIRE(body.size() < wanted.size());
    body += client.exactly(wanted.size() - body.size());
    CHECK((body == wanted));
    client.quit();
}

TEST_CASE("a client that stops reading is logged out") {
    Server server{1, {"--timeout", "1"}};
    (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", std::string(20'000'000, 'x'));
    Pop3Client client{"127.0.0.1", server.port(), {.receive_buffer = 4096}};
    client.login("user1", "pass1");
    client.send("RETR 1\r\n");
    CHECK(eventually([&] {
        Pop3Client next = server.client();
        (void)next.command("USER user1");
        return next.command("PASS pass1").starts_with("+OK");
    }));
    const std::string got = client.rest(true);
    CHECK(!got.ends_with("\r\n.\r\n"));
}

TEST_CASE("commands before login do not renew login-timeout, which no longer applies after login") {
    Server server{1, {"--login-timeout", "1"}};
    Pop3Client silent = server.client();
    CHECK(silent.rest().empty());
    Pop3Client busy = server.client();
    bool closed = false;
    for (int i = 0; i < 200 && !closed; ++i) {
        try {
            closed = !busy.command("CAPA").empty() && busy.body_lines().empty();
        } catch (const ConnectionLost&) {
            closed = true;
        }
        pause_for(Seconds{0.1});
    }
    CHECK(closed);
    // After login, other limits apply.
    std::optional<Pop3Client> client;
    REQUIRE(eventually([&] { // a busy machine may need more than the second
        try {
            client.emplace(server.session());
        } catch (const std::exception&) {
        }
        return client.has_value();
    }));
    CHECK(client->silent_for(Seconds{2}));
    CHECK(client->command("NOOP").starts_with("+OK"));
}
