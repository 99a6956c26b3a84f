// system/filter_setup_test.cpp - which programs a user's mail passes through, as set on the command line, in the users
// file and by managers. A program that cannot be run is refused at once, with the reason.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "support/catch.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

const std::string filter_setup_text = "Subject: a\n\neee\n";

// The message's last line, as this user currently gets it.
std::string line_of(const Server& server, const std::string& user) {
    Pop3Client client = server.client();
    client.login(user, "pass");
    const std::string body = client.retrieve(1);
    client.quit();
    return body.substr(body.find("\r\n\r\n") + 4);
}

} // namespace

TEST_CASE("a program that cannot be run is refused at startup, by TRAN and on reload, wherever it is named") {
    TempDirectory directory;
    std::filesystem::create_directory(directory.path() / "mail");
    const std::string missing = directory / "missing";
    const std::string plain = directory.file("plain", "#!/bin/sh\ncat\n", 0644);
    const std::string kind = directory.path();
    const std::vector<std::pair<std::string, int>> wrong = {{missing, 66},        {plain, 77},
                                                            {kind, 66},           {"/bin/cat | " + missing, 66},
                                                            {missing + ":x", 66}, {plain + " 'a b'", 77}};
    const auto refuses = [&](Words arguments, int code, const std::string& reason) {
        const Words base{"-d", directory / "mail", "-p", "0", "-P", "0"};
        arguments.insert(arguments.begin(), base.begin(), base.end());
        for (int checking = 0; checking < 2; ++checking) {
            const Finished end = run_server(arguments);
            CAPTURE(arguments, end.err);
            CHECK(end.code == code);
            CHECK(end.out.empty());
            CHECK(end.err.starts_with("server: "));
            CHECK(end.err.find(reason) != std::string::npos);
            CHECK(std::count(end.err.begin(), end.err.end(), '\n') == 1);
            arguments.push_back("--check");
        }
    };
    for (const auto& [spec, code] : wrong) {
        const std::string reason = code == 77 ? "is not executable" : spec == kind ? "is a directory" : "No such file";
        refuses({"-T", spec}, code, reason);
        refuses({"--transform-for", "ana=" + spec}, code, reason);
        refuses({"--users", directory.file("users", "ana:{PLAIN}x::::::buzon_transform=\"" + spec + "\"\n")}, code,
                reason);
    }
    refuses({"--users", directory.file("users", "ana:{PLAIN}x::::::buzon_transform=sed\n")}, 78, "must be absolute");

    // The user that programs run as must exist, and be able to run them.
    refuses({"--transform-user", "no-such-user"}, 67, "no-such-user: no such system user");
    if (::geteuid() != 0) return refuses({"--transform-user", "nobody"}, 77, "cannot become user nobody");
    const std::string ours = directory.file("ours", "#!/bin/sh\ncat\n", 0700);
    std::filesystem::permissions(directory.path(), std::filesystem::perms{0755});
    const std::string reason = ours + ": is not executable for user nobody";
    refuses({"--transform-user", "nobody", "-T", ours}, 77, reason);
    refuses({"--transform-user", "nobody", "--transform-for", "ana=/bin/cat | " + ours}, 77, reason);
    const std::string users = "bob:{PLAIN}pass\nana:{PLAIN}pass::::::buzon_transform=" + ours + "\n";
    refuses({"--transform-user", "nobody", "--users", directory.file("users", users)}, 77, reason);

    // The running server refuses them, too: in TRAN, and in a users file that is read again.
    const std::string file = directory.file("users", "bob:{PLAIN}pass\n");
    Server server{0, {"--users", file, "-a", "root:s3cr3t", "--transform-user", "nobody", "-T", "/usr/bin/id"}};
    (void)server.maildir("bob").put_in_cur("1700000001.M1P1.h:2,S", filter_setup_text);
    Pop3Client client = server.client();
    client.login("bob", "pass");
    CHECK(client.retrieve(1).find("(nobody)") != std::string::npos);
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    CHECK(manager.command("TRAN " + ours) == "-ERR " + reason);
    CHECK(manager.command("TRAN FOR bob /bin/cat | " + ours) == "-ERR " + reason);
    CHECK(manager.command("TRAN") == "+OK on /usr/bin/id");
    std::filesystem::rename(directory.file("users.new", users), file);
    server.process().signal(SIGHUP);
    CHECK(server.logs(reason));
    CHECK(manager.command("TRAN FOR bob") == "+OK on /usr/bin/id");
}

TEST_CASE("each user's mail passes through the programs set for that user, and managers can change them") {
    TempDirectory directory;
    const std::string users =
        directory.file("users", "ana:{PLAIN}pass\n"
                                "bob:{PLAIN}pass::::::buzon_transform=\"/usr/bin/sed 's/e/b/g'\"\n"
                                "eva:{PLAIN}pass\n");
    Server server{0,
                  {"--users", users, "-a", "root:s3cr3t", "-T", "/usr/bin/sed:s/e/x/g", "-T", "/usr/bin/tr x d",
                   "--transform-for", "eva=/usr/bin/tr e v"}};
    for (const char* user : {"ana", "bob", "eva"})
        (void)server.maildir(user).put_in_cur("1700000001.M1P1.h:2,S", filter_setup_text);
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    // Several -T form one chain.
    CHECK(manager.command("TRAN") == "+OK on /usr/bin/sed:s/e/x/g | /usr/bin/tr x d");
    CHECK(manager.command("TRAN FOR ana") == "+OK on /usr/bin/sed:s/e/x/g | /usr/bin/tr x d");
    CHECK(manager.command("TRAN FOR bob") == "+OK on /usr/bin/sed 's/e/b/g'");
    CHECK(manager.command("TRAN FOR eva") == "+OK on /usr/bin/tr e v");
    CHECK(manager.command("TRAN FOR nobody").starts_with("-ERR"));
    CHECK(line_of(server, "ana") == "ddd\r\n");
    CHECK(line_of(server, "bob") == "bbb\r\n");
    CHECK(line_of(server, "eva") == "vvv\r\n");

    CHECK(manager.command("TRAN FOR ana 1").starts_with("-ERR")); // ana never had a program of her own
    CHECK(manager.command("TRAN FOR ana 0") == "+OK off");
    CHECK(line_of(server, "ana") == "eee\r\n");
    CHECK(manager.command("TRAN FOR ana /usr/bin/tr e 1 | /usr/bin/sed:s/1/2/") ==
          "+OK on /usr/bin/tr e 1 | /usr/bin/sed:s/1/2/");
    CHECK(line_of(server, "ana") == "211\r\n");
    CHECK(manager.command("tran for ana 0") == "+OK off");
    CHECK(manager.command("TRAN FOR ana 1") == "+OK on /usr/bin/tr e 1 | /usr/bin/sed:s/1/2/");
    CHECK(manager.command("TRAN 0") == "+OK off");
    CHECK(line_of(server, "ana") == "211\r\n");
    CHECK(line_of(server, "bob") == "bbb\r\n");

    const std::string plain = directory.file("plain", "#!/bin/sh\ncat\n", 0644);
    for (const std::string& tran : {std::string("TRAN "), std::string("TRAN FOR ana ")}) {
        CHECK(manager.command(tran + "/no/such/program a").find("-ERR /no/such/program: No such file") == 0);
        CHECK(manager.command(tran + "/bin/cat | " + plain) == "-ERR " + plain + ": is not executable for this server");
        CHECK(manager.command(tran + "cat").starts_with("-ERR a program's path must be absolute"));
        CHECK(manager.command(tran + "/bin/cat 'x").starts_with("-ERR unterminated '"));
    }
    CHECK(manager.command("TRAN FOR ana") == "+OK on /usr/bin/tr e 1 | /usr/bin/sed:s/1/2/");

    // A changed users file is read again, with its programs, but what managers have set stays. The file is replaced in
    // one step, as by an editor: a file that is empty for a moment might be read at that moment.
    const auto replace_users = [&](const std::string& text) {
        std::filesystem::rename(directory.file("users.new", text), users);
        server.process().signal(SIGHUP);
    };
    replace_users("ana:{PLAIN}pass::::::buzon_transform=\"/usr/bin/tr e n\"\n"
                  "bob:{PLAIN}pass\n"
                  "eva:{PLAIN}pass::::::buzon_transform=/usr/bin/sed:s/e/E/\n");
    CHECK(eventually([&] { return manager.command("TRAN FOR eva") == "+OK on /usr/bin/sed:s/e/E/"; }));
    CHECK(line_of(server, "eva") == "Eee\r\n");
    CHECK(manager.command("TRAN FOR bob") == "+OK off");
    CHECK(manager.command("TRAN FOR ana") == "+OK on /usr/bin/tr e 1 | /usr/bin/sed:s/1/2/");
    // A file that names a missing program is rejected.
    replace_users("ana:{PLAIN}pass\nbob:{PLAIN}pass\neva:{PLAIN}pass::::::buzon_transform=/no/such\n");
    CHECK(server.logs("/no/such: No such file"));
    CHECK(manager.command("TRAN FOR eva") == "+OK on /usr/bin/sed:s/e/E/");
}

TEST_CASE("after a reload, the next message passes through a program that only the new configuration names") {
    TempDirectory directory;
    const auto naming = [](const std::string& letter) { return "transform = /usr/bin/tr e " + letter + "\n"; };
    const std::string config = directory.file("config", naming("x"));
    Server server{0, {"-u", "ana:pass", "--config", config}}; // without administrators: no other program may run
    (void)server.maildir("ana").put_in_cur("1700000001.M1P1.h:2,S", filter_setup_text);
    CHECK(line_of(server, "ana") == "xxx\r\n");
    for (const std::string letter : {"y", "z", "v"}) {
        CAPTURE(letter);
        (void)directory.file("config", naming(letter));
        const std::size_t logged = server.log().size();
        server.process().signal(SIGHUP);
        REQUIRE(eventually([&] { return server.log().find("what=files", logged) != std::string::npos; }));
        for (int i = 0; i < 3; ++i) CHECK(line_of(server, "ana") == letter + letter + letter + "\r\n");
    }
}
