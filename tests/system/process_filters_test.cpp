// system/process_filters_test.cpp - mail through long-running programs ("process:"): what clients get, what is left of
// the programs, and the example programs in docs/transformations.md.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "support/catch.h"
#include "support/programs.h"
#include "system/living_programs.h"
#include "system/manage_server.h"

using namespace buzon::test;

namespace {

const std::string process_text = "From: a\nSubject: filtro\n\nuno\ndos\n.tres\n";

// The first code block in this language in docs/transformations.md.
std::string page(const std::string& kind) {
    const std::string document = read_whole(source_directory() + "/docs/transformations.md");
    const std::size_t begin = document.find("```" + kind + "\n") + kind.size() + 4;
    return document.substr(begin, document.find("\n```", begin) + 1 - begin);
}

std::string bin(const std::string& name) {
    return (std::filesystem::path{server_program()}.parent_path() / name).string();
}

} // namespace

TEST_CASE("a message that its program leaves unchanged is sent as it would be without the program") {
    const std::vector<std::string> messages = {process_text,
                                               "",
                                               "a",
                                               "..\r\n.\n",
                                               std::string("a\0b\r", 4),
                                               "Subject: x\r\n\r\nwire\r\n",
                                               std::string(4096, 'x'),
                                               std::string(70'000, 'x') + "\n.y\n"};
    std::string large = "Subject: large\r\n\r\n";
    while (large.size() < 3'000'000) large += "0123456789012345678901234567890123456789\r\n";
    TempDirectory directory;
    const Server plain, filtered{1, {"-T", living(directory, "same", "say('same\\n')")}};
    for (const Server* server : {&plain, &filtered}) {
        int number = 0;
        for (const std::string& message : messages)
            (void)server->maildir("user1").deliver("170000000" + std::to_string(++number) + ".M1P1.h", message);
        (void)server->maildir("user1").deliver("1700000010.M1P1.h", large);
    }
    Pop3Client wanted = plain.session(), client = filtered.session();
    for (int number = 1; number <= static_cast<int>(messages.size()) + 1; ++number) {
        for (const std::string command : {"RETR ", "TOP ", "RETR "}) {
            const std::string line = command + std::to_string(number) + (command == "TOP " ? " 1" : "");
            CAPTURE(line);
            CHECK(client.command(line) == wanted.command(line));
            CHECK((client.body() == wanted.body()));
        }
    }
    CHECK(running_from(directory.path()).size() == 1);
    wanted.quit();
    client.quit();
    CHECK(filtered.maildir("user1").messages() == plain.maildir("user1").messages());
}

TEST_CASE("RETR announces the size of a short new message, and streams a long one") {
    TempDirectory directory;
    const Server server{1,
                        {"-T", living(directory, "long",
                                      "say('stream\\n')\n"
                                      "for i in range(int(text)): say('chunk 6\\n.line\\n')\n"
                                      "say('end\\n')")}};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", "3");
    (void)server.maildir("user1").deliver("1700000002.M1P1.h", "20000");
    Pop3Client client = server.session();
    CHECK(client.command("RETR 1") == "+OK 21 octets");
    CHECK(client.body() == ".line\r\n.line\r\n.line\r\n");
    CHECK(client.command("RETR 2") == "+OK message follows");
    CHECK(client.body().size() == 140'000);
    CHECK(client.many("TOP 2 0").size() == 140'000); // there is no empty line
    CHECK(client.retrieve(1).size() == 21);
    client.quit();
}

TEST_CASE("a failing program causes -ERR before anything was sent, and a cut connection after that") {
    TempDirectory directory;
    const std::string spec = living(directory, "fails",
                                    "if text == b'early': say('fail no more\\n')\n"
                                    "elif text == b'dies': sys.exit(3)\n"
                                    "elif text == b'late':\n"
                                    "    say('message 200000\\n' + 100000 * 'x')\n"
                                    "    sys.exit(3)\n"
                                    "elif text == b'stream':\n"
                                    "    say('stream\\nchunk 100000\\n' + 100000 * 'x')\n"
                                    "    say('fail after all\\n')\n"
                                    "elif text == b'more': say('message 100000\\n' + 100001 * 'x')\n"
                                    "else: say('same\\n')");
    const Server server{1, {"-T", spec}};
    int number = 0;
    for (const char* text : {"early", "dies", "late", "stream", "more", "fine"})
        (void)server.maildir("user1").deliver("170000000" + std::to_string(++number) + ".M1P1.h", text);
    Pop3Client client = server.session();
    for (int i = 0; i < 2; ++i) {
        CHECK(client.command("RETR 1") == "-ERR [SYS/TEMP] The message could not be transformed");
        CHECK(client.command("RETR 2") == "-ERR [SYS/TEMP] The message could not be transformed");
        CHECK(client.retrieve(6) == "fine\r\n");
    }
    client.quit();
    for (const std::string late : {"3", "4", "5"}) {
        Pop3Client other = server.session();
        CHECK(other.command("RETR " + late) == "+OK message follows");
        const std::string sent = other.rest(true);
        CHECK(sent.find("\r\n.\r\n") == std::string::npos);
        CHECK(sent.find_first_not_of("x\r\n") == std::string::npos);
    }
    Pop3Client last = server.session();
    CHECK(last.retrieve(6) == "fine\r\n");
    last.quit();
    CHECK(server.logs("cause=answer"));
    CHECK(server.logs("no more"));
}

TEST_CASE("TRAN, SESS and METR know long-running programs") {
    TempDirectory directory;
    MailServer server{with_administrator};
    ManagementClient manager = administrator_of(server);
    const std::string gate = directory / "gate";
    const std::string spec =
        living(directory, "waits", "while not os.path.exists('" + gate + "'): time.sleep(0.01)\nsay('same\\n')");
    CHECK(manager.command("TRAN " + spec) == "+OK on " + spec);
    CHECK(manager.command("TRAN process:/none").starts_with("-ERR"));
    CHECK(manager.command("TRAN process:relative").starts_with("-ERR"));
    Pop3Client client = server.session();
    client.send("RETR 1\r\n");
    CHECK(eventually([&] { return manager.many("SESS").find(" program=" + spec) != std::string::npos; }));
    (void)directory.file("gate", "");
    CHECK(client.line() == octets_reply(managed_mail));
    CHECK(client.body() == as_received(managed_mail));
    CHECK(manager.command("METR filter-same:" + spec) == "+OK 1");
    CHECK(manager.many("METR *").find("filter-changed:" + spec + " 0\r\n") != std::string::npos);
    CHECK(manager.command("METR filters-started") == "+OK 1");
    client.quit();
}

TEST_CASE("a stable program is asked only once per session for a message's RETR and TOP") {
    TempDirectory directory;
    const std::string count = "made = globals().get('made', 0) + 1\nif text == b'same': say('same\\n')\n"
                              "else: say('message 8\\nx\\n\\n%d\\ny\\nz' % made)";
    std::string spec = living(directory, "counts", count);
    for (const bool stable : {false, true}) {
        if (stable) {
            std::string program = read_whole(directory / "counts");
            program.replace(program.find("buzon-filter 1\\n"), 16, "buzon-filter 1 stable\\n");
            (void)directory.file("counts", program, 0755);
        }
        const Server server{1, {"-T", spec}};
        (void)server.maildir("user1").deliver("1700000001.M1P1.h", "text");
        (void)server.maildir("user1").deliver("1700000002.M1P1.h", "same");
        for (int session = 0; session < 2; ++session) {
            Pop3Client client = server.session();
            const int first = stable ? 1 + 2 * session : 1 + 5 * session;
            CHECK(client.many("TOP 1 1") == "x\r\n\r\n" + std::to_string(first) + "\r\n");
            CHECK(client.retrieve(1) == "x\r\n\r\n" + std::to_string(stable ? first : first + 1) + "\r\ny\r\nz\r\n");
            CHECK(client.command("RETR 1") == "+OK 14 octets");
            (void)client.body();
            for (int i = 0; i < 2; ++i) CHECK(client.retrieve(2) == "same\r\n");
            client.quit();
        }
        CHECK(server.manager().command("METR filter-same:" + spec) == (stable ? "+OK 2" : "+OK 4"));
    }
}

TEST_CASE("no long-running program is left behind by a server that is killed or ends") {
    TempDirectory directory;
    const std::string spec = living(directory, "stays", "say('same\\n')") + " | " +
                             living(directory, "ignores",
                                    "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                                    "if text == b'hang': time.sleep(1000)\nsay('same\\n')");
    Server server{1, {"-T", spec, "--max-transforms", "4"}};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", "x");
    (void)server.maildir("user1").deliver("1700000002.M1P1.h", "hang");
    Pop3Client client = server.session();
    CHECK(client.retrieve(1) == "x\r\n");
    client.send("RETR 2\r\n");
    REQUIRE(eventually([&] { return running_from(directory.path()).size() == 2; }));
    SECTION("killed") {
        server.expect_no_clean_end();
        server.process().signal(SIGKILL);
        REQUIRE(server.process().wait());
    }
    SECTION("ended") {
        client.close();
        CHECK(server.stop() == 0);
        server.expect_no_clean_end();
    }
    CHECK(eventually([&] { return running_from(directory.path()).empty(); }));
}

TEST_CASE("a program that mixes up its answers never gives one owner's mail to another") {
    TempDirectory directory;
    // Answers with the previous message, and lies about its length now and then.
    const std::string spec = living(directory, "mixes",
                                    "global kept\nlast = globals().get('kept', b'-')\nkept = text\n"
                                    "lie = 7 if b'lie' in text else 0\n"
                                    "say(b'message %d\\n%s' % (len(last) + lie, last))");
    const Server server{2, {"-T", spec, "--transform-timeout", "2"}};
    if (::geteuid() != 0) return; // only root can give files away
    for (int user = 1; user <= 2; ++user) {
        const std::string name = "user" + std::to_string(user);
        for (int i = 1; i <= 6; ++i) {
            const std::string base = "170000000" + std::to_string(i) + ".M1P1.h";
            (void)server.maildir(name).deliver(base, name + (i == 3 ? " lie" : " text") + std::to_string(i) + "\n");
            REQUIRE(::chown((server.root() + "/" + name + "/new/" + base).c_str(), static_cast<uid_t>(42000 + user),
                            0) == 0);
        }
    }
    for (int round = 0; round < 2; ++round) {
        for (int i = 1; i <= 6; ++i) {
            for (int user = 1; user <= 2; ++user) {
                Pop3Client client = server.session(user);
                client.send("RETR " + std::to_string(i) + "\r\nQUIT\r\n");
                const std::string all = client.rest(true);
                CAPTURE(all);
                CHECK(all.find(user == 1 ? "user2" : "user1") == std::string::npos);
            }
        }
    }
}

// Fifty seconds, scaled down: the program answers after idle sessions have been logged out three times in a row, with
// the shortest timeout that the server has for clients. The program's own limit is longer by default.
TEST_CASE("a client that waits for a slow program is not logged out, and gets its message") {
    TempDirectory directory;
    const std::string gate = directory / "gate";
    MailServer server{
        {"-a", "root:s3cr3t", "--timeout", "1", "--login-timeout", "600", "-T",
         living(directory, "slow", "while not os.path.exists('" + gate + "'): time.sleep(0.01)\nsay('same\\n')")}};
    ManagementClient manager = administrator_of(server);
    CHECK(manager.command("CONF transform-timeout") == "+OK 60");
    Pop3Client client = server.client();
    client.send("USER user1\r\nPASS pass1\r\nRETR 1\r\nTOP 1 0\r\n"); // at once: it may be idle for only a second
    CHECK(client.line().starts_with("+OK"));
    CHECK(client.line().starts_with("+OK"));
    for (int i = 0; i < 3; ++i) {
        Pop3Client idle = server.session(2);
        CHECK(idle.rest(true).empty()); // logged out
    }
    CHECK(manager.many("SESS").find(" user1 ") != std::string::npos);
    (void)directory.file("gate", "");
    CHECK(client.line() == octets_reply(managed_mail));
    CHECK(client.body() == as_received(managed_mail));
    CHECK(client.line().starts_with("+OK"));
    (void)client.body();
    client.quit();
}

TEST_CASE("25 clients each get their own messages, from no more processes than --max-transforms allows") {
    TempDirectory directory;
    const Server server{25,
                        {"-T", living(directory, "mark", "say(b'message %d\\n%s' % (len(text), text.upper()))"),
                         "--max-transforms", "3"}};
    for (int user = 1; user <= 25; ++user)
        for (int i = 1; i <= 4; ++i)
            (void)server.maildir("user" + std::to_string(user))
                .deliver("170000000" + std::to_string(i) + ".M1P1.h",
                         "user" + std::to_string(user) + " m" + std::to_string(i));
    std::vector<Pop3Client> clients;
    for (int user = 1; user <= 25; ++user) {
        clients.push_back(server.session(user));
        clients.back().send("RETR 1\r\nRETR 2\r\nRETR 3\r\nRETR 4\r\n");
    }
    for (int user = 1; user <= 25; ++user) {
        for (int i = 1; i <= 4; ++i) {
            Pop3Client& client = clients[static_cast<std::size_t>(user - 1)];
            CHECK(client.line().starts_with("+OK "));
            CHECK(client.body() == "USER" + std::to_string(user) + " M" + std::to_string(i) + "\r\n");
        }
        CHECK(running_from(directory.path()).size() <= 3 + 1); // one may be ending
    }
}

TEST_CASE("a program that streams without end waits for a slow client, and ends when the client leaves") {
    TempDirectory directory;
    Server server{
        1,
        {"-T",
         living(directory, "endless",
                "if text == b'endless':\n    say('stream\\n')\n    while True: say('chunk 65536\\n' + 65536 * 'x')\n"
                "say('same\\n')"),
         "--max-transforms", "1"}};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", "endless");
    (void)server.maildir("user1").deliver("1700000002.M1P1.h", "small");
    {
        Pop3Client client = server.session();
        const std::size_t memory = kilobytes_of(server.reactor(), "VmRSS");
        CHECK(client.command("RETR 1") == "+OK message follows");
        CHECK(eventually([&] { return server.manager().many("SESS").find("command=RETR") != std::string::npos; }));
        CHECK(kilobytes_of(server.reactor(), "VmRSS") < memory + 16 * 1024);
    }
    // The client is gone, and nobody reads the rest.
    Pop3Client next = server.session();
    CHECK(next.retrieve(2) == "small\r\n");
    next.quit();
}

TEST_CASE("the example programs in docs/transformations.md do what the document says") {
    TempDirectory directory;
    const std::string python = directory.file("page.py", page("python"), 0755);
    const std::string shell = directory.file("page.sh", page("sh"), 0755);
    (void)directory.file("page.c", page("c"));
    const Finished compiled =
        run({"/usr/bin/cc", "-Wall", "-Wextra", "-Werror", "-O1", "-o", directory / "page_c", directory / "page.c"});
    CAPTURE(compiled.err);
    REQUIRE(compiled.code == 0);
    MailServer server{with_administrator};
    ManagementClient manager = administrator_of(server);
    const auto retrieved = [&](const std::string& spec, const std::string& text) {
        CHECK(manager.command("TRAN process:" + spec).starts_with("+OK"));
        (void)server.maildir("user2").deliver("1800000001.M1P1.h", text);
        Pop3Client client = server.session(2);
        for (int i = 0; i < 2; ++i) (void)client.retrieve(1);
        const std::string first = client.command("RETR 2");
        const std::string body = first.starts_with("+OK") ? client.body() : first;
        client.quit();
        server.maildir("user2").remove("1800000001.M1P1.h");
        return body;
    };
    const std::string large = "Subject: large\r\n\r\n" + std::string(300'000, 'x') + "\r\n";
    CHECK(retrieved(python, "From: a@b\nSubject: x\n\ny\n") == "From: a@b\r\nSubject: [outside] x\r\n\r\ny\r\n");
    CHECK(retrieved(python, "From: a@example.org\nSubject: x\n\ny\n") ==
          "From: a@example.org\r\nSubject: x\r\n\r\ny\r\n");
    CHECK(retrieved(directory / "page_c", "Subject: x\n\n.y\n") == "X-Served-By: buzon\r\nSubject: x\r\n\r\n.y\r\n");
    CHECK((retrieved(directory / "page_c", large) == "X-Served-By: buzon\r\n" + large));
    CHECK(retrieved(shell, "Subject: x\n\ny\n") == "Subject: x\r\n\r\ny\r\n");
    CHECK((retrieved(shell, large) == large));
    CHECK(retrieved(shell, "Subject: Lottery\n\ny\n").starts_with("-ERR [SYS/TEMP]"));
    CHECK(server.logs("it speaks of the lottery"));
}

TEST_CASE("buzon-rename, buzon-each and buzon-spamd work as transformations of the server") {
    TempDirectory directory;
    // With AddressSanitizer, they need terabytes of address space.
    MailServer server{{"-a", "root:s3cr3t", "--transform-memory", "0"}};
    ManagementClient manager = administrator_of(server);
    const std::string attached = "Subject: x\nContent-Type: a/b; name=bill.exe\n\ny\n";
    (void)server.maildir("user1").deliver("1800000001.M1P1.h", attached);
    Pop3Client client = server.session();

    CHECK(manager.command("TRAN process:" + bin("buzon-rename")).starts_with("+OK"));
    CHECK(client.retrieve(1) == as_received(managed_mail));
    CHECK(client.retrieve(2) == "Subject: x\r\nContent-Type: application/unknown; name=\"bill_exe.bad\"\r\n\r\ny\r\n");

    CHECK(manager.command("TRAN process:" + bin("buzon-each") + " /usr/bin/sed s/y/z/").starts_with("+OK"));
    CHECK(client.retrieve(2) == "Subject: x\r\nContent-Tzpe: a/b; name=bill.exe\r\n\r\nz\r\n");
    CHECK(manager.command("TRAN process:" + bin("buzon-each") + " /bin/false").starts_with("+OK"));
    CHECK(client.command("RETR 2").starts_with("-ERR [SYS/TEMP]"));
    CHECK(server.logs("/bin/false: exit status 1"));

    // Nothing listens there.
    CHECK(manager.command("TRAN process:" + bin("buzon-spamd") + " -U " + (directory / "none")).starts_with("+OK"));
    CHECK(client.retrieve(2) == as_received(attached));
    CHECK(server.logs("passed on unchanged: spamd at"));
    client.quit();
    for (const char* name : {"buzon-rename", "buzon-each", "buzon-spamd"}) {
        const Finished wrong = run({bin(name), "--nonsense"});
        CHECK(wrong.code == 64);
        CHECK(wrong.err.starts_with("usage: " + std::string{name}));
        const Finished help = run({bin(name), "--help"});
        CHECK(help.code == 0);
        CHECK(help.out == wrong.err);
        CHECK(help.err.empty());
        CHECK(run({bin(name), "--version"}).out == std::string{name} + " " BUZON_VERSION "\n");
    }
}
