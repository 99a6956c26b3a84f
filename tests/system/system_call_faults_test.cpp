// system/system_call_faults_test.cpp - system calls that fail while the server is serving: no client takes half a
// message for a whole one, and the server goes on.
#include <sys/resource.h>

#include <set>

#include "support/catch.h"
#include "support/sanitized.h"
#include "system/strace.h"

using namespace buzon::test;

namespace {

std::string mail_of(std::size_t lines) {
    std::string text = "Subject: a\n\n";
    for (std::size_t i = 0; i < lines; ++i) text += "line " + std::to_string(i) + " of a mail that must be whole\n";
    return text;
}

struct Tally {
    int whole = 0, refused = 0, cut = 0;
};

// One RETR while a call fails. A message that ends as complete must be complete.
void retrieve(const Server& server, const std::string& fault, const std::string& wanted, Tally& tally) {
    CAPTURE(fault);
    Pop3Client client = server.session();
    const Strace strace{server, injection(fault)};
    client.send("RETR 1\r\nNOOP\r\n");
    client.finish_sending();
    const std::string all = client.rest(true);
    const std::size_t end = all.find("\r\n.\r\n"); // dots are doubled: nothing in the mail looks like that
    if (all.starts_with("-ERR [SYS/TEMP]")) {
        ++tally.refused;
    } else if (end == std::string::npos) {
        ++tally.cut;
    } else {
        ++tally.whole;
        const std::size_t begin = all.find("\r\n") + 2;
        CHECK(difference(all.substr(begin, end + 5 - begin), as_sent(wanted)) == "");
    }
}

} // namespace

TEST_CASE("if reading a program's output fails, no part of the message is taken for the whole") {
    for (const std::size_t lines : {130u, 8000u}) { // held back until the program has ended; streamed
        CAPTURE(lines);
        Server server{1, {"-T", "/bin/cat | /bin/cat"}};
        const std::string mail = mail_of(lines);
        (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", mail);
        server.session().quit();
        Tally tally;
        for (int nth = 1; nth <= 10; ++nth) retrieve(server, "read:error=EIO:when=" + std::to_string(nth), mail, tally);
        CHECK(tally.refused > 0);
        CHECK((tally.cut > 0 || lines == 130));
    }
}

TEST_CASE("if reading a message's file fails, in the reactor or a worker, no part is taken for the whole") {
    for (const std::size_t lines : {130u, 8000u}) { // sent at once; sent in parts
        CAPTURE(lines);
        Server server{Server::of_own_mail(1)};
        const std::string mail = mail_of(lines);
        (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", mail);
        server.give_mail();
        server.session().quit();
        Tally tally;
        for (const std::string call : {"preadv2", "pread64", "sendfile"})
            for (const std::string when : {"1", "2", "1+"})
                retrieve(server, call + ":error=EIO:when=" + when, mail, tally);
        CHECK(tally.whole > 0); // a worker may read what the server could not
        retrieve(server, "preadv2,pread64:error=EIO:when=1+", mail, tally);
        CHECK(tally.cut + tally.refused > 0);
    }
}

TEST_CASE("if no job can be sent to a worker, logins are refused, few processes are started and SIGTERM works") {
    for (const std::string error : {"ENOBUFS", "ENOMEM", "EPIPE"}) {
        CAPTURE(error);
        // The leak sanitizer does not work in a process that is traced until it ends.
        Server server{{.arguments = {"-u", "user1:pass1", "-u", "user2:pass2"},
                       .environment = {{"ASAN_OPTIONS", "detect_leaks=0"}}}};
        server.session(2).quit();
        std::set<pid_t> seen;
        const auto look = [&] {
            for (const pid_t worker : workers_of(server.pid())) seen.insert(worker);
            return seen.size();
        };
        {
            const Strace strace{server, injection("sendmsg:error=" + error), "/dev/null", Strace::Holds::server};
            for (int i = 0; i < 20; ++i) {
                Pop3Client client = server.client();
                CHECK(client.command("USER user1").starts_with("+OK"));
                CHECK(client.command("PASS pass1").starts_with("-ERR [SYS/TEMP]"));
                CHECK(client.command("NOOP").starts_with("-ERR")); // not allowed before login, but answered
                (void)look();
            }
            CHECK(look() <= 10);
            if (error == "EPIPE") {
                CHECK(server.stop() == 0);
                server.expect_no_clean_end();
                continue;
            }
        }
        // Once the kernel has memory again, everything goes on.
        CHECK(eventually([&] {
            Pop3Client client = server.client();
            return client.command("USER user1").starts_with("+OK") && client.command("PASS pass1").starts_with("+OK");
        }));
    }
}

TEST_CASE("a server that runs out of memory closes connections, lives on, and serves again once it has memory") {
    if (sanitized) return; // a sanitizer reserves terabytes
    Server server{2};
    const std::string mail = mail_of(8000);
    (void)server.maildir("user1").put_in_cur("1700000001.M1P1.h:2,S", mail);
    CHECK(server.session().retrieve(1) == as_received(mail));
    rlimit before{};
    REQUIRE(limit_of(server.reactor(), RLIMIT_AS, before));
    const rlimit scarce{kilobytes_of(server.reactor(), "VmSize") * 1024 + 256 * 1024, before.rlim_max};
    REQUIRE(set_limit(server.reactor(), RLIMIT_AS, scarce));
    std::vector<Wire> clients;
    unsigned lost = 0;
    for (int i = 0; i < 3000 && lost == 0; ++i) {
        try {
            clients.emplace_back("127.0.0.1", server.port());
            (void)clients.back().line();
            clients.back().send("USER " + std::string(200, 'x')); // half a line, which the server must keep
        } catch (const ConnectionLost&) {
            ++lost;
        }
    }
    REQUIRE(set_limit(server.reactor(), RLIMIT_AS, before));
    CHECK(lost > 0);
    clients.clear();
    CHECK(eventually([&] { return server.session().retrieve(1) == as_received(mail); }));
    // What the loop itself had to give up, such as an accept, is counted a little later.
    CHECK(eventually([&] { return server.manager().command("METR out-of-memory") != "+OK 0"; }));
}
