// system/jail_test.cpp - what transformations can reach (--transform-jail), and which ones managers may choose.
#include "support/catch.h"
#include "support/mail.h"
#include "support/programs.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

const std::string jail_mail = "From: a\nSubject: b\n\nc\n";

// The output of a program that tries to read each of these files.
std::string reads(const Server& server, ManagementClient& manager, TempDirectory& directory,
                  const std::vector<std::string>& files) {
    std::string commands = "cat >/dev/null";
    for (const std::string& file : files) commands += "; cat " + file + " >/dev/null 2>&1 && echo read || echo refused";
    CHECK(manager.command("TRAN " + directory.script("reader", commands)).starts_with("+OK on "));
    Pop3Client client = server.session();
    const std::string said = client.retrieve(1);
    client.quit();
    return said;
}

} // namespace

TEST_CASE("by default a transformation can read everything except the mail and the server's own files") {
    TempDirectory directory;
    const std::string users = directory.file("users", "ana:{PLAIN}x\n");
    const std::string config = directory.file("conf", "timeout = 700\n");
    const std::string other = directory.file("other", "text\n");
    for (const std::string& jail : {std::string("default"), std::string("off")}) {
        CAPTURE(jail);
        const Server server{1, {"-a", "root:s3cr3t", "--users", users, "--config", config, "--transform-jail", jail}};
        const std::string kept = server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", jail_mail);
        ManagementClient manager = server.manager();
        (void)manager.ask("AUTH root s3cr3t");
        const std::string file = server.root() + "/user1/cur/1700000001.M1P1.h:2,S";
        CHECK(reads(server, manager, directory, {file, users, config, other, "/etc/passwd"}) ==
              (jail == "off" ? "read\r\nread\r\nread\r\nread\r\nread\r\n"
                             : "refused\r\nrefused\r\nrefused\r\nread\r\nread\r\n"));
    }
}

TEST_CASE("in the strict jail a transformation can read only the system, its own directory and --transform-read") {
    TempDirectory directory;
    TempDirectory rules;
    TempDirectory other;
    const std::string rule = rules.file("rule", "text\n");
    const std::string secret = other.file("secret", "text\n");
    const std::string own = directory.file("own", "text\n");
    const Server server{1, {"-a", "root:s3cr3t", "--transform-jail", "strict", "--transform-read", rules.path()}};
    (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", jail_mail);
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    CHECK(reads(server, manager, directory, {own, rule, "/etc/passwd", secret}) ==
          "read\r\nread\r\nread\r\nrefused\r\n");
    CHECK(manager.command("TRAN /usr/bin/sed:s/c/d/").starts_with("+OK"));
    Pop3Client client = server.session();
    CHECK(client.retrieve(1) == as_received("From: a\nSubjedt: b\n\nd\n"));
    client.quit();
}

TEST_CASE("managers may choose only programs below --transform-allow, and no link leads out of there") {
    TempDirectory allowed;
    TempDirectory elsewhere;
    const std::string good = allowed.script("good", "exec cat");
    const std::string bad = elsewhere.script("bad", "exec cat");
    std::filesystem::create_symlink(bad, allowed.path() / "link");
    const Server server{1, {"-a", "root:s3cr3t", "--transform-allow", allowed.path(), "-T", bad}};
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    CHECK(manager.command("TRAN") == "+OK on " + bad); // set by the operator
    CHECK(manager.command("TRAN " + good) == "+OK on " + good);
    const std::string why = ": not below a directory of --transform-allow";
    CHECK(manager.command("TRAN " + bad) == "-ERR " + bad + why);
    CHECK(manager.command("TRAN " + good + " | " + bad) == "-ERR " + bad + why);
    CHECK(manager.command("TRAN " + (allowed / "link")) == "-ERR " + (allowed / "link") + why);
    CHECK(manager.command("TRAN FOR user1 " + (allowed / "../bin/sh")).starts_with("-ERR "));
    CHECK(manager.command("TRAN FOR user1 /bin/cat").ends_with(why));
    CHECK(manager.command("TRAN FOR user1 " + good).starts_with("+OK on "));
}

TEST_CASE("a --transform-allow or --transform-read that is not a directory makes the server exit with 66") {
    TempDirectory directory;
    for (const std::string option : {"--transform-allow", "--transform-read"}) {
        for (const std::string& path : {directory / "none", directory.file("file", "")}) {
            const Finished end = run_server({option, path, "-d", directory.path(), "-u", "a:b", "--check"});
            CHECK(end.code == 66);
            CHECK(end.err.starts_with("server: " + option + ' ' + path + ": "));
        }
    }
}
