// system/life_test.cpp - how a server ends, and the signals that it gets.
#include <signal.h>
#include <sys/resource.h>

#include <set>

#include "support/catch.h"
#include "system/server.h"

using namespace buzon::test;

TEST_CASE("an idle server exits with 0 on SIGTERM and SIGINT") {
    for (const int number : {SIGTERM, SIGINT}) {
        Server server;
        Pop3Client before_login = server.client(), session = server.session();
        ManagementClient manager = server.manager();
        server.process().signal(number);
        CHECK(server.process().wait() == 0);
        CHECK(before_login.rest(true).empty());
        CHECK(session.rest(true).empty());
        CHECK(manager.rest(true).empty());
    }
}

TEST_CASE("after SIGTERM a reply in progress is finished and no new connection is accepted") {
    Server server;
    std::string mail;
    while (mail.size() < 30'000'000) mail += "una linea de un correo grande que tarda en llegar\n";
    const Maildir maildir = server.maildir("user1");
    (void)maildir.deliver("1700000001.M1P1.h", mail);
    (void)maildir.deliver("1700000002.M1P1.h", mail);
    Pop3Client client{"127.0.0.1", server.port(), {.receive_buffer = 65536}};
    client.login("user1", "pass1");
    CHECK(client.command("DELE 2").starts_with("+OK"));
    REQUIRE(client.command("RETR 1").starts_with("+OK"));
    const std::string wanted = as_sent(mail);
    std::string body = client.exactly(100'000);
    server.process().signal(SIGTERM);
    CHECK(eventually([&] { return !reachable("127.0.0.1", server.port()); }));
    CHECK(eventually([&] { return !reachable("127.0.0.1", server.management_port()); }));
    body += client.exactly(wanted.size() - body.size());
    CHECK((body == wanted));
    CHECK(client.rest(true).empty());
    CHECK(server.process().wait() == 0);
    CHECK(maildir.messages().size() == 2); // without QUIT no UPDATE
}

TEST_CASE("after SIGTERM a filtered reply is finished") {
    TempDirectory directory;
    const std::string gate = directory / "gate", begun = directory / "begun";
    Server server{1,
                  {"-T", directory.script("filter", "> " + begun + "; printf 'first\\n'; while [ ! -e " + gate +
                                                        " ]; do sleep 0.02; done; cat; printf 'last\\n'")}};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", "middle\n");
    Pop3Client client = server.session();
    client.send("RETR 1\r\n");
    REQUIRE(eventually([&] { return std::filesystem::exists(begun); }));
    server.process().signal(SIGTERM);
    CHECK(eventually([&] { return !reachable("127.0.0.1", server.port()); }));
    (void)directory.file("gate", "");
    CHECK(client.line().starts_with("+OK"));
    CHECK(client.body() == "first\r\nmiddle\r\nlast\r\n");
    CHECK(server.process().wait() == 0);
}

TEST_CASE("SIGTERM ends all processes, despite a client that reads nothing and a program that never ends") {
    TempDirectory directory;
    const std::string pid_file = directory / "pid";
    Server server{
        2, {"--transform-for", "user2=" + directory.script("filter", "echo $$ > " + pid_file + "; exec sleep 1000")}};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", std::string(50'000'000, 'x'));
    (void)server.maildir("user2").deliver("1700000001.M1P1.h", "x\n");
    Pop3Client deaf{"127.0.0.1", server.port(), {.receive_buffer = 4096}};
    deaf.login("user1", "pass1");
    deaf.send("RETR 1\r\n");
    (void)deaf.some(1);
    Pop3Client waiting = server.session(2);
    waiting.send("RETR 1\r\n");
    CHECK(eventually([&] { return std::filesystem::exists(pid_file) && std::filesystem::file_size(pid_file) > 0; }));
    const std::vector<pid_t> children = descendants_of(server.pid());
    CHECK(!children.empty());
    CHECK(server.stop() == 0);
    for (const pid_t child : children)
        CHECK(eventually([&] { return state_of(child) == '\0' || state_of(child) == 'Z'; }));
    const pid_t filter = std::stoi(read_whole(pid_file));
    CHECK(eventually([&] { return state_of(filter) == '\0' || state_of(filter) == 'Z'; }));
}

TEST_CASE("kill -9 of the server ends its workers, too, and its successor starts at once") {
    TempDirectory mail;
    (void)Maildir{mail / "user1"}.deliver("1700000001.M1P1.h", "x\n");
    const std::uint16_t port = free_port();
    Words arguments{"-d", mail.path(), "-u", "user1:pass1", "-p", std::to_string(port)};
    Server::Setup setup;
    setup.arguments = arguments;
    setup.own_root = true;
    std::vector<pid_t> children;
    {
        Server server{setup};
        Pop3Client client = server.session();
        (void)client.retrieve(1);
        children = descendants_of(server.pid());
        server.expect_no_clean_end();
        server.process().signal(SIGKILL);
        REQUIRE(server.process().wait());
    }
    for (const pid_t child : children)
        CHECK(eventually([&] { return state_of(child) == '\0' || state_of(child) == 'Z'; }));
    Server next{setup};
    CHECK(next.port() == port);
    CHECK(next.session().command("STAT") == "+OK 1 3");
}

TEST_CASE("SIGHUP reloads the users, and a broken file keeps the old ones") {
    TempDirectory directory;
    const std::string users = directory.file("users", "ana:{PLAIN}uno\n");
    Server server{0, {"--users", users}};
    const auto may = [&](const std::string& name, const std::string& password) {
        Pop3Client client = server.client();
        (void)client.command("USER " + name);
        return client.command("PASS " + password).starts_with("+OK");
    };
    CHECK(may("ana", "uno"));
    (void)directory.file("users", "ana:{PLAIN}dos\nbea:{PLAIN}tres\n");
    server.process().signal(SIGHUP);
    CHECK(eventually([&] { return may("bea", "tres"); }));
    CHECK(eventually([&] { return may("ana", "dos"); }));
    CHECK(!may("ana", "uno"));
    // Replaced as a whole: a file rewritten in place may be read when it is half written.
    std::filesystem::rename(directory.file("broken", "ana:{PLAIN}cuatro\nana:{PLAIN}s3cr3t\n"), users);
    const std::size_t logged = server.log().size();
    server.process().signal(SIGHUP);
    CHECK(eventually([&] { return server.log().find("users", logged) != std::string::npos; }));
    CHECK(may("ana", "dos"));
    CHECK(may("bea", "tres"));
    CHECK(server.log().find("s3cr3t") == std::string::npos);
}

TEST_CASE("SIGPIPE, SIGHUP, SIGCHLD, SIGWINCH and SIGCONT do not end the server") {
    Server server;
    for (const int number : {SIGPIPE, SIGHUP, SIGCHLD, SIGWINCH, SIGCONT}) server.process().signal(number);
    CHECK(server.session().command("NOOP").starts_with("+OK"));
}

TEST_CASE("passwords never reach the log") {
    Server server{1, {"-N", "-u", "ana:s3cr3t"}};
    Pop3Client client = server.client();
    (void)client.command("USER ana");
    (void)client.command("PASS s3cr3t-wrong");
    (void)client.command("PASS s3cr3t");
    (void)client.command("USER ana");
    CHECK(client.command("PASS s3cr3t").starts_with("+OK"));
    client.quit();
    CHECK(server.stop() == 0);
    CHECK(server.logs("ana"));
    CHECK(server.log().find("s3cr3t") == std::string::npos);
}

TEST_CASE("under a file size limit logins fail, but the server keeps running") {
    Server server;
    const rlimit none{0, 0};
    REQUIRE(set_limit(server.pid(), RLIMIT_FSIZE, none));
    for (const pid_t child : descendants_of(server.pid())) // workers inherit it from their keeper
        REQUIRE(set_limit(child, RLIMIT_FSIZE, none));
    Pop3Client client = server.client();
    (void)client.command("USER user1");
    CHECK(client.command("PASS pass1").starts_with("-ERR [SYS/TEMP]")); // its snapshot of the maildrop is a file
    CHECK(client.command("NOOP").starts_with("-ERR"));
    CHECK(server.manager().command("METR").starts_with("+OK"));
    CHECK(server.stop() == 0);
}

TEST_CASE("ps and top show each process of the server under its own name") {
    TempDirectory directory;
    // The hash of "s3cr3t word".
    const std::string users = directory.file(
        "users",
        "ana:{SHA512-CRYPT}"
        "$6$saltsalt$cYwDzxmFymwxVUzqxcdkYKpwMgvySbCr14OaJSdsrO/ojkV2rm/jVY64tm/nSqK.omYwPEHbAZlvUlcTQbVN81\n");
    Server server{1, {"--users", users, "-T", "/bin/cat"}};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", "Subject: x\n\ny\n");
    Pop3Client client = server.session();
    (void)client.retrieve(1);
    Pop3Client hashed = server.client();
    hashed.login("ana", "s3cr3t word"); // a worker hashes the password
    const auto name_of = [](pid_t pid) {
        const std::string name = proc_text(pid, "comm"); // empty if it has just ended
        return name.substr(0, name.find('\n'));
    };
    CHECK(name_of(server.reactor()) == "buzond");
    const auto names = [&] {
        std::set<std::string> found;
        for (const pid_t child : descendants_of(server.pid())) found.insert(name_of(child));
        return found;
    };
    // Root's server has a keeper, the parent of all others; any other user's has a helper that starts them.
    const bool kept = server.reactor() != server.pid();
    CHECK(name_of(server.pid()) == (kept ? "buzon-keeper" : "buzond"));
    const std::set<std::string> expected{"buzon-hash", "buzon-worker", kept ? "buzond" : "buzon-starter"};
    CHECK(eventually([&] { return names() == expected; }));
}
