// system/half_close_test.cpp - a client that sends its commands and then shuts down its side, as `nc -N` does.
#include "support/catch.h"
#include "system/strace.h"

using namespace buzon::test;

TEST_CASE("all commands before a half-close are answered, even when the messages are not in memory") {
    Server server;
    const std::string mail = "Subject: a\n\nb\n", name = "1700000000.M1P1.h";
    (void)server.maildir("user1").deliver(name, mail);
    server.session().quit(); // now there is a worker
    Pop3Client client = server.client();
    // Nothing is in memory: a worker opens each message.
    const Strace cold{server, injection("openat2:error=EAGAIN"), "/dev/null", Strace::Holds::server};
    client.send("USER user1\r\nPASS pass1\r\nSTAT\r\nLIST\r\nRETR 1\r\nTOP 1 0\r\nUIDL 1\r\nNOOP\r\n");
    client.finish_sending();
    const std::string all = client.rest();
    CHECK(all.find(octets_reply(mail) + "\r\n" + as_sent(mail)) != all.npos);
    CHECK(all.ends_with("+OK 1 " + name + "\r\n+OK\r\n"));
    CHECK(eventually([&] { return server.manager().ask("METR connections-open") == "0"; }));
}
