// system/hostile_test.cpp - Maildirs whose owners want the server to act on what is not theirs.
#include "support/hostile.h"

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
    return eventually([&] { return server.log().find(text) != std::string::npos; });
}

} // namespace

TEST_CASE("a cur, new or tmp that is a link answers every login [SYS/PERM], and the log names its path") {
    const Server server{2};
    const Maildir victim = server.maildir("user2");
    (void)victim.put_in_cur("1700000001.secret:2,", "Subject: secret\n\nsecret\n");
    const auto before = snapshot(victim.path());
    const Maildir maildir = server.maildir("user1");
    (void)maildir.deliver("1700000002.own", "Subject: own\n\nown\n");
    server.session().quit(); // by now its snapshot is at hand
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

TEST_CASE("a folder that becomes a link during the session leads RETR and QUIT nowhere") {
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

TEST_CASE("a list of ids that is none of the server's own refuses the login; an index that is none is left out") {
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
        (void)maildir.deliver("1700000002.b", "x\n"); // or what is in memory would be as good
        Pop3Client client = server.session();
        CHECK(client.command("STAT").starts_with("+OK 2 "));
        client.quit();
        CHECK(in_log(server, index + ' '));
        maildir.remove("1700000002.b");
        CHECK(read_whole(victim) == "secret\n");
    }
}
