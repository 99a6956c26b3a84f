#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "system/server.h"

using namespace buzon::test;

TEST_CASE("with --folders, a login name with a plus opens that folder if it exists and is refused otherwise") {
    Server server{2, {"--folders"}};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", "Subject: in the inbox\n\n");
    const Maildir junk{server.root() + "/user1/.Junk"};
    (void)junk.deliver("1700000002.M1P1.h", "Subject: spam\n\nbuy\n");
    const Maildir drafts{server.root() + "/user1/.Entw&APw-rfe.2024"};
    (void)drafts.deliver("1700000003.M1P1.h", "Subject: draft\n\n");
    std::filesystem::create_directory_symlink(server.root() + "/user2", server.root() + "/user1/.Link");

    Pop3Client inbox = server.session(1);
    Pop3Client folder = server.client(); // at the same time: a folder has its own lock
    folder.login("user1+Junk", "pass1");
    CHECK(folder.command("STAT") == "+OK 1 22");
    CHECK(folder.retrieve(1) == "Subject: spam\r\n\r\nbuy\r\n");
    CHECK(folder.command("DELE 1").starts_with("+OK"));
    folder.quit();
    CHECK_FALSE(junk.has("1700000002.M1P1.h"));
    CHECK(inbox.command("STAT").starts_with("+OK 1 "));
    Pop3Client unicode = server.client();
    unicode.login("user1+Entwürfe.2024", "pass1");
    CHECK(unicode.command("STAT").starts_with("+OK 1 "));
    unicode.quit();

    for (const std::string name : {"user1+Nowhere", "user1+Link", "user1+", "user1+.Junk", "user1+../user2",
                                   "user1+cur", "user2+Junk", "nobody+Junk"}) {
        CAPTURE(name);
        Pop3Client client = server.client();
        CHECK(client.command("USER " + name) == "+OK User accepted, password needed");
        CHECK(client.command("PASS pass1") == "-ERR [AUTH] Password incorrect");
    }
    CHECK_FALSE(std::filesystem::exists(server.root() + "/user1/.Nowhere"));
    Pop3Client wrong = server.client();
    CHECK(wrong.command("USER user1+Junk").starts_with("+OK"));
    CHECK(wrong.command("PASS pass2") == "-ERR [AUTH] Password incorrect");
}

TEST_CASE("the walk through all maildrops removes expired deleted mail of their folders, too") {
    const Server server{1, {"--folders", "--undelete-grace", "6", "-a", "root:s3cr3t"}};
    const auto put = [&](const std::string& time) {
        const auto folder = server.maildir("user1").path() / ".Junk/buzon-trash" / time;
        std::filesystem::create_directories(folder);
        std::ofstream{folder / "1400000000.old"} << "old\n";
        return folder;
    };
    const auto recent = put("99999999999"), old = put("1500000000");
    ManagementClient manager = server.manager();
    CHECK(manager.command("AUTH root s3cr3t").starts_with("+OK"));
    CHECK(manager.command("CONF undelete-grace 7").starts_with("+OK")); // begins a walk
    CHECK(eventually([&] { return !std::filesystem::exists(old); }));
    CHECK(std::filesystem::exists(recent / "1400000000.old"));
}

TEST_CASE("without --folders, a plus in a login name has no special meaning") {
    Server server{1};
    (void)Maildir{server.root() + "/user1/.Junk"}.deliver("1700000002.M1P1.h", "Subject: spam\n\n");
    Pop3Client client = server.client();
    CHECK(client.command("USER user1+Junk").starts_with("+OK"));
    CHECK(client.command("PASS pass1").starts_with("-ERR [AUTH]"));
}
