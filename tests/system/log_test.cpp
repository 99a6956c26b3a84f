// system/log_test.cpp - what the server logs, in which form, where to, and what it never logs.
#include <cstdio>

#include "support/catch.h"
#include "support/datagrams.h"
#include "system/manage_server.h"

using namespace buzon::test;

namespace {

std::string base64(const std::string& text) {
    const Finished encoded = run({"base64", "-w0"}, text);
    REQUIRE(encoded.code == 0);
    return encoded.out;
}

} // namespace

TEST_CASE("with --log-socket the log goes to syslog, one session with one number through all its lines") {
    TempDirectory directory;
    const Datagrams daemon{directory / "log"};
    Server server{1, {"--log-socket", directory / "log", "-N", "--host", "faro.example"}};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", "Subject: x\n\ny\n");
    Pop3Client client = server.client();
    client.send("USER user1\r\nPASS no\r\nUSER user1\r\nPASS pass1\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n");
    (void)client.rest();
    (void)server.client().command("QUIT"); // another session, another number
    CHECK(server.stop() == 0);
    server.expect_no_clean_end();
    std::string types, all;
    while (const auto line = daemon.next(0)) {
        CAPTURE(*line);
        // RFC 5424 section 6: <PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG
        unsigned priority = 0, milliseconds = 0;
        int process = 0, end = 0;
        char day[11] = "", hour[9] = "", type[32] = "";
        REQUIRE(std::sscanf(line->c_str(), "<%u>1 %10[0-9-]T%8[0-9:].%3uZ faro.example buzon %d %31[a-z-] %n", &priority, day,
                            hour, &milliseconds, &process, type, &end) == 6);
        CHECK(process == server.pid());
        const std::string rest = line->substr(static_cast<std::size_t>(end)), kind = type;
        CHECK(rest.starts_with("[buzon@32473 "));
        CHECK(rest.find("\"] " + kind + " level=") != std::string::npos); // and once more as text
        if (kind == "auth-fail" || kind == "server") CHECK(priority == 2 * 8 + 5);
        if (kind == "login" || kind == "logout") CHECK(priority == 2 * 8 + 6);
        if (kind == "retr" || kind == "connect") CHECK(priority == 2 * 8 + 7);
        if (rest.find(" session=\"1\"") != std::string::npos) types += kind + ' ';
        all += *line + '\n';
    }
    CHECK(types == "connect auth-fail login retr dele logout ");
    CHECK(all.find(" server ") != std::string::npos);
    CHECK(all.find("action=stopped") != std::string::npos); // the very last line, too
    CHECK(server.log().empty());
}

TEST_CASE("a log socket that is none is refused at the start") {
    TempDirectory directory;
    const std::string root = directory.path().string();
    CHECK(run_server({"--check", "-d", root, "--log-socket", directory / "none"}).code == 66);
    CHECK(run_server({"--check", "-d", root, "--log-socket", directory.file("file", "")}).code == 66);
    CHECK(run_server({"--check", "-d", root, "--log-socket", std::string(200, 'x')}).code == 64);
    CHECK(run_server({"--check", "-d", root, "--log-socket", ""}).code == 64);
    { const Datagrams gone{directory / "log"}; }
    CHECK(run_server({"--check", "-d", root, "--log-socket", directory / "log"}).code == 0);
}

TEST_CASE("no secret is ever in the log, whatever way it comes and in whatever form the log is") {
    for (const char* format : {"text", "json", "journal", "syslog"}) {
        CAPTURE(format);
        const Server server{0,
                            {"-u", "ana:hueso42", "-a", "root:torre77", "--cram-md5", "--log-level", "debug", "-N",
                             "--log-format", format}};
        const std::string good = base64(std::string("\0ana\0hueso42", 12)), bad = base64(std::string("\0ana\0zorro99", 12));
        for (const std::string& lines :
             {std::string("USER ana\r\nPASS zorro99\r\nUSER ana\r\nPASS hueso42\r\nPASS zorro99\r\nQUIT\r\n"),
              std::string("PASS zorro99\r\nPAS zorro99\r\nXPASS zorro99\r\nPASS  zorro99 hueso42\r\nQUIT\r\n"),
              "AUTH PLAIN " + bad + "\r\nAUTH PLAIN\r\n" + good + "\r\nQUIT\r\n",
              "AUTH LOGIN\r\n" + base64("ana") + "\r\n" + base64("zorro99") + "\r\nAUTH LOGIN " + base64("ana") + "\r\n" +
                  base64("hueso42") + "\r\nQUIT\r\n",
              "AUTH PLAIN " + good + "x\r\nAUTH NOPE " + good + "\r\n" + bad + "\r\nAUTH PLAIN\r\n*\r\nQUIT\r\n",
              std::string("USER ana\r\nPASS zorro99" + std::string(400, 'z') + "\r\nQUIT\r\n")}) {
            Pop3Client client = server.client();
            client.send(lines);
            (void)client.rest(true);
        }
        ManagementClient manager = server.manager();
        CHECK(manager.command("AUTH root zorro99").starts_with("-ERR"));
        CHECK(manager.command("AUTH root torre77").starts_with("+OK"));
        CHECK(manager.command("USER ADD bea hueso42").starts_with("+OK"));
        CHECK(manager.command("USER PASS bea zorro99").starts_with("+OK"));
        CHECK(manager.command("USER ADD ../x hueso42").starts_with("-ERR"));
        CHECK(manager.command("USR ADD eva hueso42").starts_with("-ERR"));
        std::string all = manager.many("LOGG 1000") + manager.many("WHYY ana") + manager.many("CONF") + manager.many("INFO *");
        REQUIRE(manager.command("EVNT").starts_with("+OK"));
        Pop3Client again = server.client();
        again.send("USER ana\r\nPASS zorro99\r\nUSER ana\r\nPASS hueso42\r\nQUIT\r\n");
        (void)again.rest();
        manager.send("\r\n");
        all += manager.body() + server.log();
        CHECK(all.find("login") != std::string::npos);
        for (const std::string& secret : {std::string("hueso42"), std::string("zorro99"), std::string("torre77"), good, bad,
                                          base64("hueso42"), base64("zorro99")}) {
            CAPTURE(secret);
            CHECK(all.find(secret) == std::string::npos);
        }
    }
}
