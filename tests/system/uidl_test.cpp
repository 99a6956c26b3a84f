// system/uidl_test.cpp - Maildirs from other servers: which UIDLs and which order are served, and what preserves them.
#include <signal.h>

#include <fstream>

#include "support/catch.h"
#include "system/manage_server.h"

using namespace buzon::test;

namespace {

constexpr const char* dovecot_list = "3 V1795425698 N6 Gf6be6e13a205046be652000083ecc375\n"
                                     "1 :1700000009.a\n"
                                     "2 Gguid-of-b :1700000002.b\n"
                                     "3 Pold-uidl :1700000003.c\n";

std::string mail(const std::string& word) {
    return "Subject: " + word + "\n\n" + word + "\n";
}

// Three messages that Dovecot has served in the order a, b, c, and one that it has not seen.
void put_dovecot(const Maildir& maildir) {
    (void)maildir.put_in_cur("1700000009.a:2,S", mail("a"));
    (void)maildir.deliver("1700000002.b", mail("b"));
    (void)maildir.put_in_cur("1700000003.c:2,", mail("c"));
    (void)maildir.deliver("1700000001.d", mail("d"));
}

void write(const std::string& path, const std::string& content) {
    std::ofstream{path, std::ios::binary} << content;
}

Words uidls(const Server& server, int user) {
    Pop3Client client = server.session(user);
    Words ids;
    REQUIRE(client.command("UIDL").starts_with("+OK"));
    for (const std::string& line : client.body_lines()) ids.push_back(line.substr(line.find(' ') + 1));
    client.quit();
    return ids;
}

// A config file, and a mail root with nine users, all served by Dovecot before.
struct Moved {
    TempDirectory directory;
    std::string config = directory.file("config", "# nothing yet\n");
    std::unique_ptr<Server> server;

    Moved() {
        Server::Setup setup;
        setup.arguments = {"--config", config, "-a", "root:s3cr3t"};
        for (int n = 1; n <= 9; ++n) {
            setup.arguments.push_back("-u");
            setup.arguments.push_back("user" + std::to_string(n) + ":pass" + std::to_string(n));
        }
        server = std::make_unique<Server>(setup);
        for (int n = 1; n <= 9; ++n) {
            const Maildir maildir = server->maildir("user" + std::to_string(n));
            put_dovecot(maildir);
            write(maildir.path() / "dovecot-uidlist", dovecot_list);
        }
    }
};

} // namespace

TEST_CASE("UIDLs and order from Dovecot's list, in the format set by CONF, never change once served") {
    const Moved moved;
    const Server& server = *moved.server;
    ManagementClient manager = administrator_of(server);
    const Words standard{"000000016b0405a2", "000000026b0405a2", "old-uidl", "1700000001.d"};
    CHECK(uidls(server, 1) == standard);

    struct Case {
        int user;
        const char* format;
        Words ids;
    };
    for (const Case& one : {
             Case{2, "%{uid | hex(8)}%{uidvalidity | hex(8)}", standard},
             Case{3, "%v.%u", {"1795425698.1", "1795425698.2", "old-uidl", "1700000001.d"}},
             Case{4, "%f", {"1700000009.a", "1700000002.b", "old-uidl", "1700000001.d"}},
             Case{5, "%g", {"1700000009.a", "guid-of-b", "old-uidl", "1700000001.d"}},
         }) {
        CAPTURE(one.format);
        CHECK(manager.command(std::string("CONF uidl-format ") + one.format) == std::string("+OK ") + one.format);
        CHECK(uidls(server, one.user) == one.ids);
        CHECK(uidls(server, 1) == standard); // already served
    }
    for (const char* wrong : {"%q", "%v", "same", "%{uid", "%"}) {
        CHECK(manager.command(std::string("CONF uidl-format ") + wrong).starts_with("-ERR uidl-format: "));
    }
    CHECK(manager.command("CONF uidl-format") == "+OK %g");

    // Base names, in the order of delivery or of the files' times.
    CHECK(manager.command("CONF uidl base").starts_with("+OK"));
    CHECK(uidls(server, 6) == Words{"1700000001.d", "1700000002.b", "1700000003.c", "1700000009.a"});
    CHECK(manager.command("CONF uidl-order mtime").starts_with("+OK"));
    int age = 0;
    for (const char* base : {"1700000009.a", "1700000001.d", "1700000003.c", "1700000002.b"}) {
        const auto time = std::filesystem::file_time_type::clock::now() - std::chrono::hours{++age};
        for (const char* user : {"user7", "user8"})
            std::filesystem::last_write_time(server.maildir(user).find(base), time);
    }
    CHECK(uidls(server, 7) == Words{"1700000002.b", "1700000003.c", "1700000001.d", "1700000009.a"});
    CHECK(uidls(server, 1) == standard);
    CHECK(manager.command("CONF uidl nonsense").starts_with("-ERR"));

    // Courier's list next to Dovecot's, if it is asked for.
    write(server.maildir("user8").path() / "courierpop3dsizelist",
          "/2 9 77\n1700000003.c:2, 50 5:77\n1700000001.d 50 3:70\n");
    CHECK(manager.command("CONF uidl courier").starts_with("+OK"));
    CHECK(uidls(server, 8) == Words{"UID3-70", "UID5-77", "1700000002.b", "1700000009.a"});
}

TEST_CASE("a reload changes only the UIDLs of maildrops that have not been served yet") {
    const Moved moved;
    const Server& server = *moved.server;
    const Words before = uidls(server, 1);
    write(moved.config, "uidl-format = %v.%u # as up to 1.0\nuidl = dovecot\n");
    ::kill(server.pid(), SIGHUP);
    CHECK(server.logs("what=files"));
    CHECK(uidls(server, 2) == Words{"1795425698.1", "1795425698.2", "old-uidl", "1700000001.d"});
    CHECK(uidls(server, 1) == before);
    write(moved.config, "uidl-format = %q\n");
    ::kill(server.pid(), SIGHUP);
    CHECK(server.logs("not reloaded"));
    CHECK(uidls(server, 3) == Words{"1795425698.1", "1795425698.2", "old-uidl", "1700000001.d"});
}

TEST_CASE("a login that would change many UIDLs is refused and reported until a manager releases the maildrop") {
    const MailServer server{{"-a", "root:s3cr3t"}};
    const Maildir maildir = server.maildir("user1");
    put_dovecot(maildir);
    write(maildir.path() / "dovecot-uidlist", dovecot_list);
    const Words before = uidls(server, 1);
    CHECK(before.size() == 5);
    // This maildrop's list is replaced with that of another one, to which Dovecot gave other ids.
    const Maildir other = server.maildir("user2");
    put_dovecot(other);
    write(other.path() / "dovecot-uidlist", "3 V77\n1 :1700000009.a\n2 :1700000002.b\n3 :1700000003.c\n");
    const Words others = uidls(server, 2);
    CHECK(others[0] == "000000010000004d");
    std::filesystem::copy_file(other.path() / "buzon-uidl", maildir.path() / "buzon-uidl",
                               std::filesystem::copy_options::overwrite_existing);
    (void)maildir.deliver("1700000200.z", mail("z"));

    const auto refusal = [&server] {
        Pop3Client client = server.client();
        (void)client.command("USER user1");
        return client.command("PASS pass1");
    };
    ManagementClient manager = administrator_of(server);
    ManagementClient live = administrator_of(server);
    CHECK(live.command("EVNT uidl").starts_with("+OK"));
    CHECK(refusal().starts_with("-ERR [SYS/TEMP] Mail service unavailable"));
    const std::string event = live.line();
    for (const char* part : {" uidl ", "user=user1", "action=closed", "changed=3", "known=5", "uidl-breaker=10"}) {
        CAPTURE(event, part);
        CHECK(event.find(part) != std::string::npos);
    }
    CHECK(server.logs("reason=uidl-breaker why=\"3 of 5 known messages would get"));

    CHECK(manager.command("FREE user1").starts_with("+OK"));
    const std::string released = live.line();
    CHECK(released.find("action=release user=user1") != std::string::npos);
    const Words fresh = uidls(server, 1);
    REQUIRE(fresh.size() == 6);
    CHECK(fresh[0] == "000000010000004d");
    CHECK(uidls(server, 1) == fresh);
}

TEST_CASE("a lost list of UIDLs is rebuilt from the index, with or without FREE") {
    const MailServer server{{"-a", "root:s3cr3t"}};
    const Maildir maildir = server.maildir("user1");
    put_dovecot(maildir);
    write(maildir.path() / "dovecot-uidlist", dovecot_list);
    Words ids = uidls(server, 1);
    CHECK(ids.size() == 5);
    ManagementClient manager = administrator_of(server);
    for (const bool freed : {false, true}) {
        // Everything but the index is lost, and Dovecot has started a new list.
        std::filesystem::remove(maildir.path() / "buzon-uidl");
        write(maildir.path() / "dovecot-uidlist", "3 V77\n1 :1700000009.a\n2 :1700000002.b\n3 :1700000003.c\n");
        const std::string name = freed ? "1700000300.z" : "1700000200.z";
        (void)maildir.deliver(name, mail("z"));
        ids.push_back(name);
        if (freed) CHECK(manager.command("FREE user1").starts_with("+OK"));
        CHECK(uidls(server, 1) == ids);
    }
    CHECK(server.logs("buzon-uidl was missing"));
    std::filesystem::remove(maildir.path() / "buzon-index");
    CHECK(uidls(server, 1) == ids);
}

TEST_CASE("a Maildir with Dovecot's control files elsewhere keeps its UIDLs, even base names of 255 octets") {
    const TempDirectory directory;
    const Maildir maildir{directory / "ana"};
    const std::string longest = "1700000004." + std::string(244, 'x');
    put_dovecot(maildir);
    (void)maildir.put_in_cur(longest, mail("long"));
    std::filesystem::create_directories(directory / "control/.INBOX");
    write(directory / "control/.INBOX/dovecot-uidlist", dovecot_list + ("4 P :" + longest + "\n"));
    const std::string users =
        directory.file("users", "user1:{PLAIN}pass1::::::userdb_mail=maildir:" + directory / "ana" +
                                    ":CONTROL=" + directory / "control" + ":INDEX=/nowhere\n");
    const Server server{0, {"--users", users}};
    const Words ids = uidls(server, 1);
    CHECK(ids == Words{"000000016b0405a2", "000000026b0405a2", "old-uidl", longest, "1700000001.d"});
    Pop3Client client = server.session(1);
    CHECK(client.command("UIDL 4") == "+OK 4 " + longest);
    client.quit();
}

TEST_CASE("a verification with --uidl-verify compares with a captured listing and changes nothing") {
    const TempDirectory directory;
    const Maildir maildir{directory / "ana"};
    put_dovecot(maildir);
    write(maildir.path() / "dovecot-uidlist", dovecot_list);
    const auto before = snapshot(directory.path());
    const auto verify = [&](const std::string& listing, Words more = {}) {
        TempDirectory other;
        Words arguments{"-d", directory.path().string(), "--uidl-verify", "ana:" + other.file("list", listing)};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run_server(arguments);
    };
    const std::string captured =
        "+OK\r\n1 000000016b0405a2\r\n2 000000026b0405a2\r\n3 old-uidl\r\n4 1700000001.d\r\n.\r\n";
    Finished run = verify(captured);
    CHECK(run.out == "ana: 4 messages, the same UIDLs\n");
    CHECK(run.err == "");
    CHECK(run.code == 0);
    run = verify("1 1795425698.1\n2 1795425698.2\n3 old-uidl\n", {"--uidl-format", "%v.%u"});
    CHECK(run.out == "ana 4 - 1700000001.d\nana: 4 messages, 1 differ\n");
    CHECK(run.code == 1);
    run = verify(captured + "5 gone\n", {"--uidl=base"});
    CHECK(run.out ==
          "ana 1 000000016b0405a2 1700000001.d\nana 2 000000026b0405a2 1700000002.b\n"
          "ana 3 old-uidl 1700000003.c\nana 4 1700000001.d 1700000009.a\nana 5 gone -\nana: 4 messages, 5 differ\n");
    CHECK(run.code == 1);
    CHECK(snapshot(directory.path()) == before);

    CHECK(verify("no listing\n").code == 78);
    CHECK(verify(captured, {"--uidl-format", "%q"}).code == 64);
    const std::string listing = directory.file("list", captured);
    for (const auto& [argument, code] : std::map<std::string, int>{{"ana", 64},
                                                                   {"ana:", 64},
                                                                   {"../ana:" + listing, 64},
                                                                   {":" + listing, 64},
                                                                   {"ana:" + listing + "-none", 66},
                                                                   {"nobody:" + listing, 66}}) {
        CAPTURE(argument);
        const Finished wrong = run_server({"-d", directory.path().string(), "--uidl-verify", argument});
        CHECK(wrong.code == code);
        CHECK(wrong.out == "");
        CHECK(wrong.err.starts_with("server: "));
    }
    // A user whose mail is elsewhere, and several users at once.
    const std::string users =
        directory.file("users", "zoe:{PLAIN}z::::::userdb_mail=maildir:" + maildir.path().string() + "\n");
    const Finished both = run_server({"-d", directory.path().string(), "--users", users, "--uidl-verify",
                                      "zoe:" + listing, "--uidl-verify", "ana:" + listing});
    CHECK(both.out == "zoe: 4 messages, the same UIDLs\nana: 4 messages, the same UIDLs\n");
    CHECK(both.code == 0);
}

// Later sessions get from memory what the first one has formatted (serve/listings.h).
TEST_CASE("long listings are correct in the first and in later sessions, after DELE, RSET and new mail") {
    constexpr std::size_t count = 5000;
    const std::string mail = "Subject: a\n\nb\n";
    const auto base = [](std::size_t number) { return std::to_string(1'700'000'000 + number) + ".M1P1.h"; };
    // The lines of LIST (or UIDL) for all messages except one.
    const auto lines = [&](bool of_sizes, std::size_t but = 0, std::size_t messages = 5000) {
        std::string all;
        for (std::size_t i = 1; i <= messages; ++i) {
            if (i == but) continue;
            all += std::to_string(i) + ' ' + (of_sizes ? std::to_string(as_received(mail).size()) : base(i)) + "\r\n";
        }
        return all;
    };
    Server server;
    const Maildir maildir = server.maildir("user1");
    const auto first = maildir.put_in_cur(base(1) + ":2,S", mail);
    for (std::size_t i = 2; i <= count; ++i)
        std::filesystem::create_hard_link(first, first.parent_path() / (base(i) + ":2,S"));
    maildir.rest(); // a directory that changed a moment ago is read again at each login
    const std::string sizes = lines(true), unique_ids = lines(false);
    for (int round = 0; round < 2; ++round) {
        Pop3Client client = server.session();
        for (int again = 0; again < 2; ++again) {
            CHECK(difference(client.many("LIST"), sizes) == "");
            CHECK(difference(client.many("UIDL"), unique_ids) == "");
        }
        // The server has read everything before the client reads: the socket cannot take it all, and more commands
        // wait.
        std::string many;
        for (int i = 0; i < 6; ++i) many += "UIDL\r\nLIST\r\nLIST 5000\r\n";
        client.send(many);
        client.wait_until_read();
        for (int i = 0; i < 6; ++i) {
            CHECK(client.line().starts_with("+OK"));
            CHECK(difference(client.body(), unique_ids) == "");
            CHECK(client.line().starts_with("+OK"));
            CHECK(difference(client.body(), sizes) == "");
            CHECK(client.line() == "+OK 5000 " + std::to_string(as_received(mail).size()));
        }
        CHECK(client.command("DELE 4999").starts_with("+OK"));
        CHECK(difference(client.many("LIST"), lines(true, 4999)) == "");
        CHECK(difference(client.many("UIDL"), lines(false, 4999)) == "");
        CHECK(client.command("RSET").starts_with("+OK"));
        CHECK(difference(client.many("UIDL"), unique_ids) == "");
        client.quit();
    }
    (void)maildir.deliver(base(count + 1), mail);
    Pop3Client client = server.session();
    CHECK(difference(client.many("LIST"), lines(true, 0, count + 1)) == "");
    CHECK(difference(client.many("UIDL"), lines(false, 0, count + 1)) == "");
    // A client that leaves in the middle of a listing does no harm.
    CHECK(client.command("UIDL").starts_with("+OK"));
    client.close();
    Pop3Client last = server.session();
    CHECK(difference(last.many("UIDL"), lines(false, 0, count + 1)) == "");
}
