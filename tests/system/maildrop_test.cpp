// system/maildrop_test.cpp - the Maildir shared with other programs: order, UIDL, deliveries, renames and removals
// while a session is open.
#include <fcntl.h>
#include <sys/stat.h>

#include <set>

#include "support/catch.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

std::string subject(const std::string& text) {
    return "Subject: " + text + "\n\n" + text + "\n";
}

std::vector<std::string> unique_ids(Pop3Client& client) {
    if (!client.command("UIDL").starts_with("+OK")) throw std::runtime_error("UIDL refused");
    std::vector<std::string> ids;
    for (const std::string& line : client.body_lines()) ids.push_back(line.substr(line.find(' ') + 1));
    return ids;
}

} // namespace

TEST_CASE("messages are numbered in the order of delivery") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    // In the expected order: by seconds and microseconds, both as numbers, then by base name.
    const std::vector<std::pair<const char*, bool>> names = {
        {"999999999.M1P1.h", true},        {"1700000001.M9P9.h", false}, {"1700000001.M10P1.h", true},
        {"1700000001.M000011P1.h", false}, {"1700000002.P5.h", true},    {"1700000002.M1.a", true},
        {"1700000002.M1.b", false},        {"1700000003.M1P1.h", false}, {"10700000000.M1P1.h", true}};
    for (std::size_t i = names.size(); i-- > 0;) {
        const std::string text = subject(std::to_string(i));
        if (names[i].second)
            (void)maildir.deliver(names[i].first, text);
        else
            (void)maildir.put_in_cur(std::string(names[i].first) + ":2,", text);
    }
    Pop3Client client = server.session();
    for (std::size_t i = 0; i < names.size(); ++i) {
        CAPTURE(names[i].first);
        CHECK(client.retrieve(static_cast<int>(i + 1)) == as_received(subject(std::to_string(i))));
    }
}

TEST_CASE("a file name without a number is ordered by the file's modification time") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    (void)maildir.deliver("1700000001.M1P1.h", subject("first"));
    (void)maildir.deliver("1700000003.M1P1.h", subject("third"));
    const auto file = maildir.deliver("sin-numero", subject("second"));
    const timespec times[2] = {{1700000002, 0}, {1700000002, 0}};
    REQUIRE(::utimensat(AT_FDCWD, file.c_str(), times, 0) == 0);
    Pop3Client client = server.session();
    CHECK(client.retrieve(2) == as_received(subject("second")));
}

TEST_CASE("a UIDL is the base name if that is valid, otherwise another valid and unique id") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    const std::string fits = "1700000001." + std::string(59, 'n'), too_long = "1700000002." + std::string(60, 'n');
    const std::string other_long = "1700000003." + std::string(60, 'n');
    for (const std::string& name :
         {fits, too_long, other_long, std::string("1700000004.with space"), std::string("1700000005.a\xc3\xb1o"),
          std::string("1700000006.a\xc3\xb1o"), std::string("1700000007.\x7f")})
        (void)maildir.deliver(name, subject("x"));
    (void)maildir.put_in_cur("1700000008.M1P1.h:2,FRS", subject("x"));
    (void)maildir.put_in_cur("1700000009.M1P1.h,S=11:2,S", subject("x"));
    Pop3Client client = server.session();
    const std::vector<std::string> ids = unique_ids(client);
    REQUIRE(ids.size() == 9);
    CHECK(ids[0] == fits);
    CHECK(ids[7] == "1700000008.M1P1.h");
    CHECK(ids[8] == "1700000009.M1P1.h,S=11");
    CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == ids.size());
    for (const std::string& id : ids) {
        CHECK(!id.empty());
        CHECK(id.size() <= 70);
        for (const char c : id) CHECK((c >= 0x21 && c <= 0x7e));
    }
    for (std::size_t i = 0; i < ids.size(); ++i)
        CHECK(client.command("UIDL " + std::to_string(i + 1)) == "+OK " + std::to_string(i + 1) + " " + ids[i]);
}

TEST_CASE("UIDLs survive sessions, restarts and the move from new to cur") {
    TempDirectory mail;
    const Maildir maildir{mail / "user1"};
    (void)maildir.deliver("1700000001.M1P1.h", subject("a"));
    (void)maildir.deliver("1700000002." + std::string(80, 'x'), subject("b"));
    std::vector<std::string> ids;
    Server::Setup setup;
    setup.arguments = {"-d", mail.path(), "-u", "user1:pass1"};
    setup.own_root = true;
    for (int start = 0; start < 2; ++start) {
        Server server{setup};
        for (int session = 0; session < 2; ++session) {
            Pop3Client client = server.session();
            const auto now = unique_ids(client);
            if (ids.empty()) ids = now;
            CHECK(now == ids);
            (void)client.retrieve(1);
            (void)client.retrieve(2);
            client.quit();
        }
    }
    CHECK(maildir.messages()[0].starts_with("cur/"));
}

TEST_CASE("only regular files without a leading dot in cur and new are messages") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    (void)maildir.deliver("1700000001.M1P1.h", subject("one"));
    const std::filesystem::path at = maildir.path();
    for (const char* place : {"new/.hidden", "cur/.nfs0001", "tmp/1700000002.M1P1.h", "1700000003.M1P1.h"})
        std::filesystem::copy_file(at / "new/1700000001.M1P1.h", at / place);
    std::filesystem::create_directory(at / "new/1700000004.directory");
    std::filesystem::create_symlink("/etc/passwd", at / "new/1700000005.link");
    std::filesystem::create_symlink("1700000001.M1P1.h", at / "new/1700000006.link");
    std::filesystem::create_symlink("nowhere", at / "cur/1700000007.link:2,");
    REQUIRE(::mkfifo((at / "cur/1700000008.fifo:2,").c_str(), 0600) == 0);
    Pop3Client client = server.session();
    CHECK(client.command("STAT") == "+OK 1 " + std::to_string(as_received(subject("one")).size()));
    CHECK(client.retrieve(1) == as_received(subject("one")));
    client.quit();
}

TEST_CASE("a message delivered during a session appears in the next one") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    (void)maildir.deliver("1700000002.M1P1.h", subject("old"));
    Pop3Client client = server.session();
    (void)maildir.deliver("1700000001.M1P1.h", subject("new")); // sorts first, but must not shift the numbers
    CHECK(client.command("STAT").starts_with("+OK 1 "));
    CHECK(client.retrieve(1) == as_received(subject("old")));
    CHECK(client.command("RETR 2").starts_with("-ERR"));
    client.quit();
    CHECK(server.session().command("STAT").starts_with("+OK 2 "));
}

TEST_CASE("a message flagged by another program during a session is still found") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    for (int i = 1; i <= 4; ++i)
        (void)maildir.deliver("170000000" + std::to_string(i) + ".M1P1.h", subject(std::to_string(i)));
    Pop3Client client = server.session();
    (void)client.command("STAT");
    maildir.flag("1700000001.M1P1.h", "");
    maildir.flag("1700000002.M1P1.h", "S");
    maildir.flag("1700000003.M1P1.h", "FR");
    for (int i = 1; i <= 4; ++i) CHECK(client.retrieve(i) == as_received(subject(std::to_string(i))));
    maildir.flag("1700000002.M1P1.h", "RS");
    CHECK(client.retrieve(2) == as_received(subject("2")));
    CHECK(client.command("DELE 2").starts_with("+OK"));
    maildir.flag("1700000002.M1P1.h", "T");
    maildir.flag("1700000004.M1P1.h", "R");
    client.quit();
    // The deleted message is removed under its latest name. Flags set in the meantime are kept, and the S of a
    // retrieved message is inserted in order.
    CHECK(maildir.messages() == std::vector<std::string>{"cur/1700000001.M1P1.h:2,S", "cur/1700000003.M1P1.h:2,FRS",
                                                         "cur/1700000004.M1P1.h:2,RS"});
}

TEST_CASE("a message removed by another program is refused and the session goes on") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    for (int i = 1; i <= 3; ++i)
        (void)maildir.deliver("170000000" + std::to_string(i) + ".M1P1.h", subject(std::to_string(i)));
    Pop3Client client = server.session();
    const std::string stat = client.command("STAT");
    maildir.remove("1700000002.M1P1.h");
    CHECK(client.command("RETR 2").starts_with("-ERR"));
    CHECK(client.command("TOP 2 1").starts_with("-ERR"));
    CHECK(client.retrieve(3) == as_received(subject("3")));
    CHECK(client.command("STAT").starts_with("+OK "));
    // A message already gone counts as removed.
    CHECK(client.command("DELE 2").starts_with("+OK"));
    CHECK(client.command("DELE 1").starts_with("+OK"));
    maildir.remove("1700000001.M1P1.h");
    CHECK(client.command("QUIT") == "+OK Goodbye");
    CHECK(maildir.messages().size() == 1);
}

TEST_CASE("a session survives the removal of its Maildir by another program") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    (void)maildir.deliver("1700000001.M1P1.h", subject("a"));
    Pop3Client client = server.session();
    std::filesystem::remove_all(maildir.path());
    CHECK(client.command("RETR 1").starts_with("-ERR"));
    CHECK(client.command("NOOP").starts_with("+OK"));
    CHECK(client.command("DELE 1").starts_with("+OK"));
    (void)client.command("QUIT");
    CHECK(client.ended());
    CHECK(server.session().command("STAT") == "+OK 0 0");
}

TEST_CASE("a message that grows during a session does not break the framing of RETR") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    (void)maildir.deliver("1700000001.M1P1.h", subject("a"));
    (void)maildir.deliver("1700000002.M1P1.h", subject("b"));
    Pop3Client client = server.session();
    (void)client.command("LIST");
    (void)client.body();
    (void)server.directory().file("mail/user1/new/1700000001.M1P1.h", subject("a") + "more\n.\nlines\n");
    const std::string reply = client.command("RETR 1");
    if (reply.starts_with("+OK")) {
        const std::string body = client.body();
        if (reply != "+OK message follows") CHECK(reply == "+OK " + std::to_string(body.size()) + " octets");
    }
    CHECK(client.retrieve(2) == as_received(subject("b")));
    client.quit();
}

TEST_CASE("QUIT's move from new to cur never replaces an existing file") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    (void)maildir.deliver("1700000001.M1P1.h", subject("mine"));
    Pop3Client client = server.session();
    (void)client.retrieve(1);
    (void)maildir.put_in_cur("1700000001.M1P1.h:2,S", subject("another program's"));
    (void)client.command("QUIT");
    CHECK(client.ended());
    CHECK(read_whole(maildir.path() / "cur/1700000001.M1P1.h:2,S") == subject("another program's"));
    CHECK(maildir.messages().size() == 2);
}

TEST_CASE("user names that would leave the mail root are refused") {
    Server server{1};
    for (const char* name : {"../escape", "a/b", "..", ".", "/etc", "a/../../b"}) {
        CAPTURE(name);
        Pop3Client client = server.client();
        (void)client.command(std::string("USER ") + name);
        CHECK(client.command("PASS x").starts_with("-ERR"));
    }
    CHECK(!std::filesystem::exists(server.root() + "/../escape"));
}

TEST_CASE("QUIT reports a message that cannot be removed, and removes the others") {
    Server server;
    const Maildir maildir = server.maildir("user1");
    for (int i = 1; i <= 3; ++i)
        (void)maildir.deliver("170000000" + std::to_string(i) + ".M1P1.h", subject(std::to_string(i)));
    Pop3Client client = server.session();
    for (const char* command : {"DELE 1", "DELE 2", "DELE 3"}) CHECK(client.command(command).starts_with("+OK"));
    // Not even root can unlink a folder in place of the file.
    maildir.remove("1700000002.M1P1.h");
    std::filesystem::create_directory(maildir.path() / "new/1700000002.M1P1.h");
    CHECK(client.command("QUIT").starts_with("-ERR"));
    CHECK(client.ended());
    CHECK(maildir.messages().empty());
}

TEST_CASE("QUIT removes and moves thousands of messages, whether or not the client waits for the reply") {
    constexpr int messages = 6000; // more than one slice, and more than fits in one message to a worker
    for (const std::string_view client : {"waits", "resets"}) {
        CAPTURE(client);
        Server server;
        const Maildir maildir = server.maildir("user1");
        // Hard links to one file: creating thousands of files takes seconds on some file systems.
        const auto name = [](int i) {
            return "17" + std::to_string(10000000 + i) + ".M123456P7890V0000000000000801I0000.host.example";
        };
        const std::filesystem::path first = maildir.deliver(name(0), "x\n");
        for (int i = 1; i < messages; ++i) std::filesystem::create_hard_link(first, first.parent_path() / name(i));
        std::string commands;
        for (int i = 1; i <= messages; ++i)
            if (i % 10 != 0) commands += "DELE " + std::to_string(i) + "\r\n";
        commands += "RETR 10\r\nRETR 20\r\n";
        Wire wire{"127.0.0.1", server.port()};
        wire.send("USER user1\r\nPASS pass1\r\n" + commands + "QUIT\r\n");
        if (client == "waits") {
            CHECK(wire.rest().ends_with("+OK Goodbye\r\n"));
        } else {
            // By the time the server answers the second RETR, it has read everything.
            for (int ends = 0; ends < 2;) ends += wire.line() == ".";
            wire.reset(); // noticed while the request to the worker is still being written
        }
        CHECK(eventually([&] {
            const std::vector<std::string> left = maildir.messages();
            return left.size() == messages / 10 && left[0].starts_with("cur/") && left[1].starts_with("cur/") &&
                   left[2].starts_with("new/");
        }));
    }
}
