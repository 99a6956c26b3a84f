// system/hostile_test.cpp - Maildirs whose owners try to make the server act on files that are not theirs.
#include "support/hostile.h"

#include <fstream>

#include "support/catch.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

std::string refusal(const Server& server) {
    Pop3Client client = server.client();
    (void)client.command("USER user1");
    return client.command("PASS pass1");
}

bool in_log(const Server& server, const std::string& text) {
    return server.logs(text);
}

} // namespace

TEST_CASE("when cur, new or tmp is a link, every login is refused with SYS/PERM and the log names the path") {
    const Server server{2};
    const Maildir victim = server.maildir("user2");
    (void)victim.put_in_cur("1700000001.secret:2,", "Subject: secret\n\nsecret\n");
    const auto before = snapshot(victim.path());
    const Maildir maildir = server.maildir("user1");
    (void)maildir.deliver("1700000002.own", "Subject: own\n\nown\n");
    server.session().quit(); // its snapshot exists by now
    for (const char* const folder : {"cur", "new", "tmp"}) {
        CAPTURE(folder);
        const std::filesystem::path path = maildir.path() / folder;
        std::filesystem::rename(path, maildir.path() / "aside");
        std::filesystem::create_directory_symlink(victim.path() / "cur", path);
        for (int i = 0; i < 2; ++i) CHECK(refusal(server).starts_with("-ERR [SYS/PERM]"));
        CHECK(in_log(server, path.string() + " is a symbolic link"));
        std::filesystem::remove(path);
        std::filesystem::rename(maildir.path() / "aside", path);
        Pop3Client client = server.session();
        CHECK(client.command("STAT").starts_with("+OK 1 "));
        client.quit();
    }
    CHECK(snapshot(victim.path()) == before);
}

TEST_CASE("a folder replaced with a link during the session does not lead RETR or QUIT to another's mail") {
    const Server server{2};
    const Maildir victim = server.maildir("user2"), maildir = server.maildir("user1");
    for (const char* const name : {"1700000001.a:2,", "1700000002.b:2,"}) {
        (void)victim.put_in_cur(name, "Subject: secret\n\nsecret\n");
        (void)maildir.put_in_cur(name, "Subject: own\n\nown\n");
    }
    const auto before = snapshot(victim.path());
    Pop3Client client = server.session();
    std::filesystem::rename(maildir.path() / "cur", maildir.path() / "aside");
    std::filesystem::create_directory_symlink(victim.path() / "cur", maildir.path() / "cur");
    CHECK(client.command("RETR 1").starts_with("-ERR"));
    CHECK(client.command("DELE 1").starts_with("+OK"));
    CHECK(client.command("DELE 2").starts_with("+OK"));
    CHECK(client.command("QUIT").starts_with("-ERR"));
    CHECK(client.ended());
    CHECK(snapshot(victim.path()) == before);
}

TEST_CASE("a UIDL list that is not the server's own file makes the login fail; such an index is ignored") {
    const Server server{1};
    const Maildir maildir = server.maildir("user1");
    (void)maildir.deliver("1700000001.a", "Subject: own\n\nown\n");
    const std::string victim = server.directory().file("victim", "secret\n");
    for (const Thing& thing : false_files(victim)) {
        CAPTURE(thing.name);
        const std::string list = maildir.path() / "buzon-uidl", index = maildir.path() / "buzon-index";
        std::filesystem::remove(list);
        std::filesystem::remove(index);
        thing.put(list);
        CHECK(refusal(server).starts_with("-ERR [SYS/PERM]"));
        CHECK(in_log(server, list + ' '));
        std::filesystem::remove(list);
        thing.put(index);
        (void)maildir.deliver("1700000002.b", "x\n"); // otherwise the copy in memory would do
        Pop3Client client = server.session();
        CHECK(client.command("STAT").starts_with("+OK 2 "));
        client.quit();
        CHECK(in_log(server, index + ' '));
        maildir.remove("1700000002.b");
        CHECK(read_whole(victim) == "secret\n");
    }
}

namespace {

// Does all that a session and a manager can do with a maildrop; returns all the replies.
std::string all_of_a_session(const Server& server) {
    std::string said = refusal(server); // a login without any further command
    Pop3Client client = server.client();
    (void)client.command("USER user1");
    const std::string login = client.command("PASS pass1");
    said += login;
    if (login.starts_with("+OK")) {
        for (const char* many : {"LIST", "UIDL", "SEARCH SUBJECT secret", "REPORT", "RETR 1", "TOP 1 5", "RETR 2"}) {
            const std::string reply = client.command(many);
            said += reply;
            if (reply.starts_with("+OK")) said += client.body();
        }
        for (const char* one : {"STAT", "LIST 1", "UIDL 1", "DELE 1", "DELE 2", "QUIT"}) said += client.command(one);
    }
    ManagementClient manager = server.manager();
    (void)manager.command("AUTH root s3cr3t");
    for (const char* command : {"UNDL user1", "FREE user1"}) said += manager.command(command);
    return said;
}

} // namespace

TEST_CASE("whatever a Maildir contains, every command is answered and nothing outside is read or changed") {
    const Server server{2, {"-a", "root:s3cr3t", "--undelete-grace", "1"}};
    const Maildir victim = server.maildir("user2"), maildir = server.maildir("user1");
    (void)victim.put_in_cur("1700000001.secret:2,", "Subject: secret\n\nsecret\n");
    const auto before = snapshot(victim.path());
    const std::filesystem::path file = victim.path() / "cur/1700000001.secret:2,";
    const auto check = [&](const std::string& said) {
        CHECK(said.find("secret") == std::string::npos);
        CHECK(snapshot(victim.path()) == before);
    };
    for (const Thing& thing : false_messages(file)) {
        for (const char* const place : {"cur/1700000002.thing:2,", "new/1700000002.thing", "tmp/1700000002.thing",
                                        "buzon-index", "buzon-journal", "buzon-uidl", "buzon-report", "buzon-trash"}) {
            CAPTURE(thing.name, place);
            (void)maildir.deliver("1700000003.own", "Subject: own\n\nown\n");
            (void)maildir.deliver("1700000004.own", "Subject: own\n\nown\n");
            std::filesystem::remove_all(maildir.path() / place);
            thing.put(maildir.path() / place);
            check(all_of_a_session(server));
            std::filesystem::remove_all(maildir.path() / place);
        }
    }
    for (const std::string& name : odd_names()) {
        CAPTURE(name);
        (void)maildir.deliver("1700000003.own", "Subject: own\n\nown\n");
        std::ofstream{maildir.path() / "cur" / name} << "Subject: own\n\nown\n";
        check(all_of_a_session(server));
    }
    CHECK(server.manager().command("METR worker-failures") == "+OK 0");
    CHECK(server.manager().command("METR sandbox-denials") == "+OK 0");
}

TEST_CASE("a folder that is constantly swapped with a link never leads to another user's mail") {
    const Server server{2, {"-a", "root:s3cr3t", "--undelete-grace", "1"}};
    const Maildir victim = server.maildir("user2"), maildir = server.maildir("user1");
    // The same names in both, so that a lookup through the link would succeed.
    for (int i = 10; i < 60; ++i) {
        const std::string name = "17000000" + std::to_string(i) + ".m";
        (void)victim.deliver(name, "Subject: secret\n\nsecret\n");
        (void)victim.put_in_cur(name + ":2,", "Subject: secret\n\nsecret\n");
        (void)(i % 2 == 0 ? maildir.deliver(name, "Subject: own\n\nown\n")
                          : maildir.put_in_cur(name + ":2,", "Subject: own\n\nown\n"));
    }
    const auto before = snapshot(victim.path());
    for (const std::string folder : {"cur", "new", "tmp", "buzon-trash"}) {
        CAPTURE(folder);
        std::filesystem::create_directories(maildir.path() / folder);
        const Swapper swapper{maildir.path() / folder, victim.path() / (folder == "new" ? "new" : "cur")};
        REQUIRE(eventually([&] { return swapper.exchanges() > 100; }));
        for (int round = 0; round < 20; ++round) CHECK(all_of_a_session(server).find("secret") == std::string::npos);
        CHECK(swapper.exchanges() > 200);
    }
    CHECK(snapshot(victim.path()) == before);
}
