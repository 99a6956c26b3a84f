// system/lock_test.cpp - one session per maildrop, or several: who gets [IN-USE], and when the lock is free again.
#include <linux/filter.h>
#include <linux/tcp.h> // its tcp_info has more fields than that of netinet/tcp.h
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include "support/catch.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

std::string try_login(Pop3Client& client, const std::string& password = "pass1") {
    (void)client.command("USER user1");
    return client.command("PASS " + password);
}

// From now on the kernel drops everything sent to this socket, as if the client's machine had lost power.
void fall_silent(const Pop3Client& client) {
    sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    const sock_fprog program{1, &nothing};
    REQUIRE(::setsockopt(client.fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0);
}

// How many segments the server's kernel has sent to this client so far.
std::uint32_t segments_heard(const Pop3Client& client) {
    tcp_info about{};
    socklen_t size = sizeof about;
    REQUIRE(::getsockopt(client.fd(), IPPROTO_TCP, TCP_INFO, &about, &size) == 0);
    return about.tcpi_segs_in;
}

} // namespace

TEST_CASE("a second session of a maildrop is refused with IN-USE") {
    Server server{2};
    Pop3Client first = server.session();
    Pop3Client second = server.client();
    const std::string refused = try_login(second);
    CHECK(refused.starts_with("-ERR [IN-USE]"));
    CHECK(refused.find("lock") != std::string::npos); // the word fetchmail looks for
    // A wrong password reveals nothing about the lock.
    CHECK(try_login(second, "wrong") == "-ERR [AUTH] Password incorrect");
    CHECK(server.session(2).command("STAT").starts_with("+OK"));
    first.quit();
    // The refused connection may try again.
    CHECK(try_login(second).starts_with("+OK"));
}

TEST_CASE("the lock is free when the reply to QUIT arrives") {
    Server server;
    for (int i = 0; i < 100; ++i) {
        Pop3Client client = server.session();
        REQUIRE(client.command("QUIT") == "+OK Goodbye");
        // No wait in between: the next client may be on another machine and know of the reply.
        Pop3Client next = server.session();
        next.quit();
    }
}

TEST_CASE("the lock is freed when a connection is closed or reset without QUIT") {
    Server server;
    for (int i = 0; i < 10; ++i) {
        Pop3Client client = server.session();
        if (i % 2)
            client.reset();
        else
            client.close();
        CHECK(eventually([&] {
            Pop3Client next = server.client();
            return try_login(next).starts_with("+OK");
        }));
    }
}

TEST_CASE("a session whose client is certainly gone is displaced without an update; a live one is not") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    (void)maildir.deliver("1700000001.M1P1.h", "Subject: x\n\n");
    Pop3Client dead = server.session();
    CHECK(dead.command("DELE 1").starts_with("+OK"));
    // The client's machine forgets the connection silently (if we may do that; otherwise it resets it).
    const int on = 1;
    if (::setsockopt(dead.fd(), IPPROTO_TCP, TCP_REPAIR, &on, sizeof on) == 0)
        dead.close();
    else
        dead.reset();
    Pop3Client next = server.client();
    // The kernel probes a peer that has been silent for a second.
    CHECK(eventually([&] {
        const std::string answer = try_login(next);
        if (answer.starts_with("+OK")) return true;
        CHECK(answer == "-ERR [IN-USE] Maildrop is locked by another session");
        return false;
    }));
    CHECK(next.command("STAT") == "+OK 1 14");
    CHECK(server.logs("reason=connection-lost"));
    // A live client keeps the lock, however often others try to log in.
    const std::uint32_t heard = segments_heard(next);
    Pop3Client other = server.client();
    for (int i = 0; i < 20; ++i) CHECK(try_login(other).starts_with("-ERR [IN-USE]"));
    CHECK(eventually([&] { return segments_heard(next) > heard; })); // it was probed
    CHECK(try_login(other).starts_with("-ERR [IN-USE]"));
    CHECK(next.command("NOOP") == "+OK");
    next.quit();
    CHECK(maildir.messages().size() == 1);
}

TEST_CASE("a session whose client has fallen silent is displaced after peer-silence, and a live one never is") {
    // The filter makes user1's reply begin only after the client has fallen silent.
    Server server{4, {"--peer-silence", "5", "--transform-for", "user1=/bin/sh -c 'sleep 1; cat'"}};
    for (int user = 1; user <= 4; ++user)
        (void)server.maildir("user" + std::to_string(user))
            .deliver("1700000001.M1P1.h", std::string(user == 4 ? 16u << 20 : 5, 'x'));
    Pop3Client owed = server.session(1), quiet = server.session(2), idle = server.session(3);
    Pop3Client slow{"127.0.0.1", server.port(), Pop3Client::Options{4096}};
    slow.login("user4", "pass4");
    for (Pop3Client* const client : {&owed, &quiet, &idle}) CHECK(client->command("DELE 1").starts_with("+OK"));
    const auto last_heard = std::chrono::steady_clock::now(); // or a little later
    CHECK(quiet.command("NOOP") == "+OK");
    CHECK(owed.command("RSET").starts_with("+OK"));
    owed.send("RETR 1\r\nDELE 1\r\n");
    slow.send("RETR 1\r\n"); // reads nothing, but its machine answers
    owed.wait_until_read();
    quiet.wait_until_read();
    fall_silent(owed);
    fall_silent(quiet);
    const auto login = [&](int user) {
        Pop3Client next = server.client();
        (void)next.command("USER user" + std::to_string(user));
        const std::string answer = next.command("PASS pass" + std::to_string(user));
        if (!answer.starts_with("+OK")) {
            CHECK(answer.starts_with("-ERR [IN-USE]"));
            return false;
        }
        // Not sooner, however many logins have tried: an answer from far away takes time.
        CHECK(std::chrono::steady_clock::now() - last_heard >= std::chrono::milliseconds{4900});
        // What the displaced session had deleted is still there: it was rolled back.
        CHECK(next.command("STAT") == "+OK 1 7");
        next.quit();
        return true;
    };
    bool first = false, second = false;
    CHECK(eventually([&] {
        first = first || login(1);
        second = second || login(2);
        CHECK_FALSE(login(3));
        CHECK_FALSE(login(4));
        return first && second;
    }));
    CHECK(server.logs("session=1 user=user1 reason=connection-lost retr="));
    // The idle session is unaffected, and what it deletes is gone.
    idle.quit();
    CHECK(server.maildir("user3").messages().empty());
    CHECK(server.maildir("user1").messages().size() == 1);
    CHECK(server.maildir("user2").messages().size() == 1);
}

TEST_CASE("shared sessions read and delete side by side") {
    Server server{1, {"--sessions", "shared"}};
    const Maildir maildir = server.maildir("user1");
    for (int i = 1; i <= 3; ++i)
        (void)maildir.deliver("170000000" + std::to_string(i) + ".M1P1.h", "Subject: x\n\n" + std::to_string(i) + "\n");
    Pop3Client first = server.session(), second = server.session();
    CHECK(first.command("DELE 1").starts_with("+OK"));
    CHECK(second.command("STAT").starts_with("+OK 3 ")); // each session has its own marks
    first.quit();
    CHECK(second.command("RETR 1") == "-ERR [SYS/TEMP] The message no longer exists");
    CHECK(second.retrieve(2) == "Subject: x\r\n\r\n2\r\n");
    CHECK(second.command("DELE 1").starts_with("+OK"));
    CHECK(second.command("DELE 3").starts_with("+OK"));
    // Two sessions delete the same message: nothing is removed twice, and both replies are true.
    Pop3Client third = server.session();
    CHECK(third.command("DELE 2").starts_with("+OK")); // what was the third message
    second.quit();
    third.quit();
    CHECK(maildir.messages() == std::vector<std::string>{"cur/1700000002.M1P1.h:2,S"});
    // A message that cannot be removed counts as not removed, one that another session has removed does not.
    (void)maildir.deliver("1700000004.M1P1.h", "Subject: x\n\n");
    Pop3Client fourth = server.session(), fifth = server.session();
    for (Pop3Client* const client : {&fourth, &fifth})
        for (const char* command : {"DELE 1", "DELE 2"}) CHECK(client->command(command).starts_with("+OK"));
    fourth.quit();
    std::filesystem::create_directory(maildir.path() / "new/1700000004.M1P1.h");
    CHECK(fifth.command("QUIT") == "-ERR [SYS/TEMP] 1 of 2 deleted messages not removed");
}

TEST_CASE("when shared sessions delete the same messages, each counts only those that it removed") {
    const Server server{1, {"--sessions", "shared"}};
    for (int i = 1; i <= 3; ++i)
        (void)server.maildir("user1").deliver("170000000" + std::to_string(i) + ".M1P1.h", "Subject: x\n\n");
    Pop3Client first = server.session(), second = server.session();
    CHECK(first.command("DELE 2").starts_with("+OK"));
    for (const char* command : {"DELE 1", "DELE 2", "DELE 3"}) CHECK(second.command(command).starts_with("+OK"));
    first.quit();
    second.quit();
    ManagementClient manager = server.manager();
    CHECK(manager.command("METR deletions") == "+OK 3");
    CHECK(manager.command("METR deletions-failed") == "+OK 0");
    CHECK(manager.command("HIST deletions day").starts_with("+OK"));
    CHECK(manager.body_lines().back().ends_with(" 3"));
    Pop3Client asker = server.session();
    CHECK(asker.command("REPORT").starts_with("+OK"));
    std::string report;
    for (const std::string& line : asker.body_lines()) report += line + '\n';
    CAPTURE(report);
    CHECK(report.find("dele=1") != std::string::npos);
    CHECK(report.find("dele=2") != std::string::npos);
    CHECK(report.find("dele=3") == std::string::npos);
}

TEST_CASE("servers that share a mail root respect each other's locks") {
    TempDirectory mail;
    const Maildir maildir{mail / "user1"};
    // Another path to the same root is the same root.
    std::filesystem::create_directory_symlink(mail.path(), mail.path().string() + "-link");
    const auto start = [&](const char* sessions, const char* path = "") {
        Server::Setup setup;
        setup.arguments = {"-d", mail.path().string() + path, "-u", "user1:pass1", "--sessions", sessions};
        setup.own_root = true;
        return setup;
    };
    Server one{start("exclusive")}, other{start("exclusive", "-link")}, shared{start("shared")};
    {
        Pop3Client held = one.session(), refused = other.client(), also = shared.client();
        CHECK(try_login(refused).starts_with("-ERR [IN-USE]"));
        CHECK(try_login(also).starts_with("-ERR [IN-USE]"));
        held.quit();
        CHECK(try_login(refused).starts_with("+OK"));
        refused.quit();
    }
    {
        Pop3Client held = shared.session(), refused = one.client(), beside = shared.session();
        CHECK(try_login(refused).starts_with("-ERR [IN-USE]"));
        held.quit();
        CHECK(try_login(refused).starts_with("-ERR [IN-USE]"));
        beside.quit();
        CHECK(try_login(refused).starts_with("+OK"));
        refused.quit();
    }
    // A killed server leaves no lock behind.
    Pop3Client held = other.session();
    other.expect_no_clean_end();
    other.process().signal(SIGKILL);
    REQUIRE(other.process().wait());
    CHECK(eventually([&] {
        Pop3Client next = one.client();
        return try_login(next).starts_with("+OK");
    }));
    std::filesystem::remove(mail.path().string() + "-link");
}
