// system/log_test.cpp - what the server logs, in which format and where, and what it never logs.
#include <cstdio>
#include <sstream>

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

// Logs in with APOP, CRAM-MD5 and SCRAM-SHA-256, each with a right and a wrong password, and prints all that the log
// must not show: digests, proofs, the keys behind them, and the lines as they were sent.
constexpr const char* digests = R"(
import base64, hashlib, hmac, socket, sys
user, right, wrong, port = sys.argv[1], sys.argv[2].encode(), sys.argv[3].encode(), int(sys.argv[4])
def b64(octets): return base64.b64encode(octets).decode()
def connect():
    global wire
    wire = socket.create_connection(("127.0.0.1", port), 60).makefile("rwb")
    return wire.readline().decode().strip()
def say(line):
    wire.write(line.encode() + b"\r\n"); wire.flush()
    return wire.readline().decode().strip()
def secret(*words):
    for word in words: print(word)
for password, reply in ((right, "+OK"), (wrong, "-ERR [AUTH]")):
    stamp = connect(); stamp = stamp[stamp.index("<"):]
    digest = hashlib.md5(stamp.encode() + password).hexdigest()
    assert say(f"APOP {user} {digest}").startswith(reply)
    secret(digest)
    say("QUIT"); connect()
    challenge = base64.b64decode(say("AUTH CRAM-MD5")[2:])
    digest = hmac.new(password, challenge, "md5").hexdigest()
    line = b64(f"{user} {digest}".encode())
    assert say(line).startswith(reply)
    secret(digest, line)
    say("QUIT"); connect()
    bare = f"n={user},r=geheim{port}"
    first = base64.b64decode(say("AUTH SCRAM-SHA-256 " + b64(("n,," + bare).encode()))[2:]).decode()
    field = dict(part.split("=", 1) for part in first.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password, base64.b64decode(field["s"]), int(field["i"]))
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored = hashlib.sha256(client).digest()
    final = f"c=biws,r={field['r']}"
    everything = ",".join((bare, first, final)).encode()
    proof = bytes(a ^ b for a, b in zip(client, hmac.digest(stored, everything, "sha256")))
    line = b64(f"{final},p={b64(proof)}".encode())
    answer = say(line)
    secret(b64(proof), proof.hex(), line, b64(salted), salted.hex(), b64(client), b64(stored), field["r"])
    if reply == "+OK":
        assert answer.startswith("+ "), answer
        secret(answer[2:])
        answer = say("")
    assert answer.startswith(reply), answer
    say("QUIT")
)";

} // namespace

TEST_CASE("with --log-socket the log goes to syslog, and all lines of a session have the same number") {
    TempDirectory directory;
    const Datagrams daemon{directory / "log"};
    Server server{1, {"--log-socket", directory / "log", "-N", "--host", "faro.example"}};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", "Subject: x\n\ny\n");
    Pop3Client client = server.client();
    client.send("USER user1\r\nPASS no\r\nUSER user1\r\nPASS pass1\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n");
    (void)client.rest();
    (void)server.client().command("QUIT"); // another session, another number
    const pid_t reactor = server.reactor();
    CHECK(server.stop() == 0);
    server.expect_no_clean_end();
    std::string types, all;
    while (const auto line = daemon.next(0)) {
        CAPTURE(*line);
        // RFC 5424 section 6: <PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG
        unsigned priority = 0, milliseconds = 0;
        int process = 0, end = 0;
        char day[11] = "", hour[9] = "", type[32] = "";
        REQUIRE(std::sscanf(line->c_str(), "<%u>1 %10[0-9-]T%8[0-9:].%3uZ faro.example buzon %d %31[a-z-] %n",
                            &priority, day, hour, &milliseconds, &process, type, &end) == 6);
        CHECK(process == reactor);
        const std::string rest = line->substr(static_cast<std::size_t>(end)), kind = type;
        CHECK(rest.starts_with("[buzon@32473 "));
        CHECK(rest.find("\"] " + kind + " level=") != std::string::npos); // and again as text
        if (kind == "auth-fail" || kind == "server") CHECK(priority == 2 * 8 + 5);
        if (kind == "login" || kind == "logout") CHECK(priority == 2 * 8 + 6);
        if (kind == "retr" || kind == "connect") CHECK(priority == 2 * 8 + 7);
        if (rest.find(" session=\"1\"") != std::string::npos) types += kind + ' ';
        all += *line + '\n';
    }
    CHECK(types == "connect auth-fail login retr dele logout ");
    CHECK(all.find(" server ") != std::string::npos);
    CHECK(all.find("action=stopped") != std::string::npos); // even the very last line
    CHECK(server.log().empty());
}

TEST_CASE("--check refuses a --log-socket that is not a socket") {
    TempDirectory directory;
    const std::string root = directory.path().string();
    CHECK(run_server({"--check", "-d", root, "--log-socket", directory / "none"}).code == 66);
    CHECK(run_server({"--check", "-d", root, "--log-socket", directory.file("file", "")}).code == 66);
    CHECK(run_server({"--check", "-d", root, "--log-socket", std::string(200, 'x')}).code == 64);
    CHECK(run_server({"--check", "-d", root, "--log-socket", ""}).code == 64);
    { const Datagrams gone{directory / "log"}; }
    CHECK(run_server({"--check", "-d", root, "--log-socket", directory / "log"}).code == 0);
}

TEST_CASE("no secret ever appears in the log, however it was sent and whatever the log format") {
    for (const char* format : {"text", "json", "journal", "syslog"}) {
        CAPTURE(format);
        const Server server{0,
                            {"-u", "ana:hueso42", "-a", "root:torre77", "--cram-md5", "--log-level", "debug", "-N",
                             "--log-format", format}};
        ManagementClient listener = server.manager();
        REQUIRE(listener.command("AUTH root torre77").starts_with("+OK"));
        REQUIRE(listener.command("EVNT").starts_with("+OK"));
        const std::string good = base64(std::string("\0ana\0hueso42", 12)),
                          bad = base64(std::string("\0ana\0zorro99", 12));
        for (const std::string& lines :
             {std::string("USER ana\r\nPASS zorro99\r\nUSER ana\r\nPASS hueso42\r\nPASS zorro99\r\nQUIT\r\n"),
              std::string("PASS zorro99\r\nPAS zorro99\r\nXPASS zorro99\r\nPASS  zorro99 hueso42\r\nQUIT\r\n"),
              "AUTH PLAIN " + bad + "\r\nAUTH PLAIN\r\n" + good + "\r\nQUIT\r\n",
              "AUTH LOGIN\r\n" + base64("ana") + "\r\n" + base64("zorro99") + "\r\nAUTH LOGIN " + base64("ana") +
                  "\r\n" + base64("hueso42") + "\r\nQUIT\r\n",
              "AUTH PLAIN " + good + "x\r\nAUTH NOPE " + good + "\r\n" + bad + "\r\nAUTH PLAIN\r\n*\r\nQUIT\r\n",
              std::string("USER ana\r\nPASS zorro99" + std::string(400, 'z') + "\r\nQUIT\r\n")}) {
            Pop3Client client = server.client();
            client.send(lines);
            (void)client.rest(true);
        }
        TempDirectory directory;
        const Finished shown = run({"python3", directory.file("digests.py", digests), "ana", "hueso42", "zorro99",
                                    std::to_string(server.port())});
        CAPTURE(shown.err);
        REQUIRE(shown.code == 0);
        // A session in the middle of its login, for SESS.
        Pop3Client half_way = server.client();
        REQUIRE(half_way.command("AUTH CRAM-MD5").starts_with("+ "));
        ManagementClient manager = server.manager();
        CHECK(manager.command("AUTH root zorro99").starts_with("-ERR"));
        CHECK(manager.command("AUTH root torre77").starts_with("+OK"));
        CHECK(manager.command("USER ADD bea hueso42").starts_with("+OK"));
        CHECK(manager.command("USER PASS bea zorro99").starts_with("+OK"));
        CHECK(manager.command("USER ADD ../x hueso42").starts_with("-ERR"));
        CHECK(manager.command("USR ADD eva hueso42").starts_with("-ERR"));
        std::string all = manager.many("LOGG 1000") + manager.many("WHYY ana") + manager.many("CONF") +
                          manager.many("INFO *") + manager.many("SESS") + manager.many("METR *") +
                          manager.many("HIST historic minute") + manager.many("USER LIST") + manager.many("CONF ?");
        half_way.close();
        REQUIRE(manager.command("EVNT").starts_with("+OK"));
        Pop3Client again = server.client();
        again.send("USER ana\r\nPASS zorro99\r\nUSER ana\r\nPASS hueso42\r\nQUIT\r\n");
        (void)again.rest();
        manager.send("\r\n");
        listener.send("\r\n");
        all += manager.body() + listener.body() + server.log();
        CHECK(all.find("method=SCRAM-SHA-256") != std::string::npos);
        std::vector<std::string> secrets{"hueso42", "zorro99",         "torre77",        good,
                                         bad,       base64("hueso42"), base64("zorro99")};
        std::istringstream words{shown.out};
        for (std::string word; words >> word;) secrets.push_back(word);
        CHECK(secrets.size() == 7 + 2 * 11 + 1);
        for (const std::string& secret : secrets) {
            CAPTURE(secret);
            CHECK(all.find(secret) == std::string::npos);
        }
    }
}

TEST_CASE("with log-format journal every line on stderr begins with its priority, including startup errors") {
    const auto has_priority = [](const std::string& line) {
        return line.size() > 3 && line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>';
    };
    TempDirectory directory;
    const std::string config = directory.file("config", "# ours\ntimeout = 60\nlog-format = journal # the unit's\n");
    const std::string half = directory.file("half", "nonsense\nlog-format = journal\n");
    {
        Server server{1, {"--config", config}};
        server.session().quit();
        CHECK(server.stop() == 0);
        server.expect_no_clean_end();
        std::istringstream lines{server.log()};
        int count = 0;
        for (std::string line; std::getline(lines, line); ++count) {
            CAPTURE(line);
            CHECK(has_priority(line));
        }
        CHECK(count > 3);
        CHECK(server.log().starts_with("<4>log level=warning"));
    }
    const std::string nowhere = directory / "nowhere";
    for (const Words& arguments :
         {Words{"--config", config, "-d", nowhere}, Words{"--config", half},
          Words{"--log-format", "journal", "--no-such-option"}, Words{"--log-format=journal", "-d", nowhere},
          Words{"--config=" + config, "-p", "x"}, Words{"--config", nowhere, "--log-format", "journal"}}) {
        CAPTURE(arguments.front(), arguments.back());
        const Finished refused = run_server(arguments);
        CHECK(refused.code != 0);
        CHECK(refused.err.starts_with("<3>server: "));
        CHECK(refused.err.find('\n') == refused.err.size() - 1);
    }
    // For people, without it.
    CHECK(run_server({"--config", config, "-d", nowhere, "--check"}).err.starts_with("server: "));
    CHECK(run_server({"--config", config, "-d", nowhere, "--log-format", "text"}).err.starts_with("server: "));
}
