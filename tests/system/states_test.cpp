// system/states_test.cpp - AUTHORIZATION, TRANSACTION, UPDATE: which commands are allowed when, and what is removed
// when (RFC 1939).
#include "support/catch.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

const std::string states_text = "Subject: estado\n\ntexto\n";

void deliver(const Server& server, int mails) {
    for (int i = 1; i <= mails; ++i)
        (void)server.maildir("user1").deliver(std::to_string(1700000000 + i) + ".M1P1.h",
                                              states_text + std::string(static_cast<std::size_t>(i), 'x') + "\n");
}

} // namespace

TEST_CASE("before login, only login commands are accepted") {
    Server server;
    deliver(server, 1);
    Pop3Client client = server.client();
    for (const char* command :
         {"STAT", "LIST", "LIST 1", "RETR 1", "DELE 1", "NOOP", "RSET", "TOP 1 0", "UIDL", "UIDL 1"}) {
        CAPTURE(command);
        CHECK(client.command(command).starts_with("-ERR"));
    }
    CHECK(client.command("PASS pass1").starts_with("-ERR")); // without USER
    client.login("user1", "pass1");
    client.quit();
    CHECK(server.maildir("user1").messages().size() == 1);
}

TEST_CASE("after login, no login command is accepted") {
    Server server;
    Pop3Client client = server.session();
    for (const char* command :
         {"USER user1", "PASS pass1", "APOP user1 00000000000000000000000000000000", "AUTH PLAIN"}) {
        CAPTURE(command);
        CHECK(client.command(command).starts_with("-ERR"));
    }
    CHECK(client.command("STAT") == "+OK 0 0");
    client.quit();
}

TEST_CASE("QUIT before login says goodbye") {
    Server server;
    Pop3Client client = server.client();
    CHECK(client.command("QUIT") == "+OK Goodbye");
    CHECK(client.ended());
}

TEST_CASE("an unknown user is refused like a wrong password") {
    Server server;
    Pop3Client client = server.client();
    CHECK(client.command("USER nobody") == "+OK User accepted, password needed");
    const std::string unknown = client.command("PASS x");
    CHECK(client.command("USER user1") == "+OK User accepted, password needed");
    CHECK(client.command("PASS x") == unknown);
    CHECK(unknown == "-ERR [AUTH] Password incorrect");
    // After a refusal the name must be given again.
    CHECK(client.command("PASS pass1").starts_with("-ERR"));
}

TEST_CASE("user names and passwords must match completely") {
    Server server;
    for (const auto& [user, password] : std::vector<std::pair<std::string, std::string>>{{"user", "pass1"},
                                                                                         {"user11", "pass1"},
                                                                                         {"user1", "pass"},
                                                                                         {"user1", "pass11"},
                                                                                         {"USER1", "pass1"},
                                                                                         {"user1", "PASS1"},
                                                                                         {"user1", "pass1 "},
                                                                                         {"user1", " pass1"}}) {
        CAPTURE(user, password);
        Pop3Client client = server.client();
        (void)client.command("USER " + user);
        CHECK(client.command("PASS " + password).starts_with("-ERR [AUTH]"));
    }
}

TEST_CASE("a password may contain spaces and colons") {
    Server server{0, {"-u", "ana:una clave: con todo"}};
    (void)server.maildir("ana");
    Pop3Client client = server.client();
    client.login("ana", "una clave: con todo");
    client.quit();
}

TEST_CASE("a user without a Maildir gets one at login") {
    Server server{0, {"-u", "nuevo:x"}};
    Pop3Client client = server.client();
    client.login("nuevo", "x");
    CHECK(client.command("STAT") == "+OK 0 0");
    for (const char* folder : {"cur", "new", "tmp"})
        CHECK(std::filesystem::is_directory(server.root() + "/nuevo/" + folder));
    client.quit();
}

TEST_CASE("a refused login creates no Maildir") {
    Server server{0, {"-u", "nuevo:x"}};
    Pop3Client client = server.client();
    for (const char* name : {"nuevo", "nadie", "../fuera", "."}) {
        (void)client.command(std::string("USER ") + name);
        CHECK(client.command("PASS falsa").starts_with("-ERR"));
    }
    for (const char* name : {"nuevo", "nadie", "../fuera"})
        CHECK_FALSE(std::filesystem::exists(server.root() + "/" + name));
}

TEST_CASE("deleted messages are hidden until RSET, and the other messages keep their numbers") {
    Server server;
    deliver(server, 4);
    Pop3Client client = server.session();
    const std::string two = client.command("LIST 2"), three = client.command("LIST 3");
    CHECK(client.command("DELE 2").starts_with("+OK"));
    CHECK(client.command("DELE 2").starts_with("-ERR"));
    for (const char* command : {"RETR 2", "LIST 2", "UIDL 2", "TOP 2 0"})
        CHECK(client.command(command).starts_with("-ERR"));
    CHECK(client.command("LIST 3") == three);
    CHECK(client.command("STAT").starts_with("+OK 3 "));
    REQUIRE(client.command("LIST").starts_with("+OK 3 messages"));
    const std::vector<std::string> lines = client.body_lines();
    REQUIRE(lines.size() == 3);
    CHECK(lines[1].starts_with("3 "));
    CHECK(client.command("RSET").starts_with("+OK"));
    CHECK(client.command("STAT").starts_with("+OK 4 "));
    CHECK(client.command("LIST 2") == two);
    client.quit();
    CHECK(server.maildir("user1").messages().size() == 4);
}

TEST_CASE("QUIT removes the messages marked as deleted and nothing else") {
    Server server;
    deliver(server, 5);
    Pop3Client client = server.session();
    for (const char* command : {"DELE 1", "DELE 3", "DELE 5"}) CHECK(client.command(command).starts_with("+OK"));
    CHECK(server.maildir("user1").messages().size() == 5); // nothing is removed before QUIT
    client.quit();
    CHECK(server.maildir("user1").messages() ==
          std::vector<std::string>{"new/1700000002.M1P1.h", "new/1700000004.M1P1.h"});
}

TEST_CASE("without QUIT, nothing is removed or moved") {
    Server server;
    deliver(server, 2);
    const auto before = server.maildir("user1").messages();
    enum class End { close, half_close, reset, after_half_a_quit };
    for (const End end : {End::close, End::half_close, End::reset, End::after_half_a_quit}) {
        CAPTURE(static_cast<int>(end));
        Pop3Client client = server.session();
        CHECK(client.command("DELE 1").starts_with("+OK"));
        (void)client.retrieve(2);
        if (end == End::after_half_a_quit) client.send("QUIT"); // no line end: no command
        if (end == End::reset)
            client.reset();
        else if (end == End::half_close) {
            client.finish_sending();
            CHECK(client.rest(true).empty());
        } else
            client.close();
        // The lock shows when the server has noticed the end.
        CHECK(eventually([&] {
            Pop3Client next = server.client();
            (void)next.command("USER user1");
            return next.command("PASS pass1").starts_with("+OK");
        }));
        CHECK(server.maildir("user1").messages() == before);
    }
}

TEST_CASE("retrieved messages move from new to cur at QUIT and the others stay") {
    Server server;
    deliver(server, 4);
    Pop3Client client = server.session();
    (void)client.retrieve(1);
    (void)client.many("TOP 2 1000");
    (void)client.retrieve(4);
    CHECK(client.command("DELE 4").starts_with("+OK"));
    client.quit();
    CHECK(server.maildir("user1").messages() ==
          std::vector<std::string>{"cur/1700000001.M1P1.h:2,S", "new/1700000002.M1P1.h", "new/1700000003.M1P1.h"});
}
