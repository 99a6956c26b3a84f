// system/tls_clients_test.cpp - third-party clients over TLS, many clients at once, and fronts that pass TLS through.
#include <filesystem>

#include "support/catch.h"
#include "support/mail.h"
#include "system/tls_site.h"

using namespace buzon::test;

namespace {

constexpr const char* tls_mail = "Subject: over TLS\r\n\r\n.one\r\ntwo\r\n";

// user1 has one message. Each client fetches it with STLS and with implicit TLS.
struct SiteWithMail : TlsSite {
    SiteWithMail() { (void)server->maildir("user1").deliver("1700000001.M1P1.h", tls_mail); }
    [[nodiscard]] std::string port(bool stls) const {
        return stls ? std::to_string(server->port()) : tls_port(*server);
    }
    // Runs a client, checks that it succeeds and that its login was over TLS, and returns what it printed.
    [[nodiscard]] std::string client(Launch launch, const std::string& input = {}) const {
        const Metrics before = metrics_of(*server);
        launch.environment.try_emplace("HOME", directory.path().string());
        const Finished end = run(std::move(launch), input);
        CAPTURE(end.out, end.err);
        CHECK(end.code == 0);
        CHECK(metrics_of(*server).historic == before.historic + 1);
        CHECK(server->manager().command("METR logins-cleartext") == "+OK 0");
        return end.out;
    }
};

} // namespace

TEST_CASE("openssl s_client, fetchmail, mpop, getmail and curl fetch mail with STLS and with implicit TLS") {
    SiteWithMail site;
    for (const bool stls : {true, false}) {
        CAPTURE(stls);
        const std::string port = site.port(stls);
        Words openssl{"openssl", "s_client", "-quiet", "-crlf", "-connect", "127.0.0.1:" + port};
        if (stls) openssl.insert(openssl.end(), {"-starttls", "pop3"});
        CHECK(site.client({openssl}, "USER user1\nPASS pass1\nRETR 1\nQUIT\n")
                  .find("Subject: over TLS\r\n\r\n..one\r\ntwo\r\n.\r\n+OK") != std::string::npos);

        const TempDirectory directory;
        std::filesystem::create_directories(directory / "out/new");
        for (const char* part : {"out/cur", "out/tmp", "state"}) std::filesystem::create_directory(directory / part);
        const std::string agent = directory.script("agent", "cat > " + (directory / "out/new") + "/$$");
        const std::string fetchmail = directory.file(
            "fetchmailrc",
            "set invisible\nset no bouncemail\nset pidfile \"" + (directory / "pid") + "\"\nset idfile \"" +
                (directory / "ids") + "\"\npoll 127.0.0.1 protocol POP3 port " + port +
                " timeout 60\n user user1 password pass1 " + (stls ? "sslproto TLS1.2+" : "ssl sslproto TLS1.2+") +
                " no sslcertck fetchall keep no rewrite no stripcr\n mda \"" + agent + "\"\n",
            0600);
        Launch launch{{"fetchmail", "-f", fetchmail, "--nodetach", "--nosyslog"}};
        launch.environment["FETCHMAILHOME"] = directory.path().string();
        (void)site.client(launch);

        const std::string mpop = directory.file(
            "mpoprc",
            "account default\nhost 127.0.0.1\nport " + port + "\nuser user1\npassword pass1\ntls on\ntls_starttls " +
                (stls ? "on" : "off") + "\ntls_certcheck off\nkeep on\nreceived_header off\nuidls_file " +
                (directory / "uidls") + "\ndelivery maildir " + (directory / "out") + "\n",
            0600);
        (void)site.client({{"mpop", "-C", mpop, "-Q"}});

        if (!stls) { // getmail has no STLS
            const std::string getmail = directory.file(
                "getmailrc",
                "[retriever]\ntype = SimplePOP3SSLRetriever\nserver = 127.0.0.1\nport = " + port +
                    "\nusername = user1\npassword = pass1\ntimeout = 60\n[destination]\ntype = MDA_external\npath = " +
                    agent + "\nallow_root_commands = true\n[options]\ndelivered_to = false\nreceived = false\n",
                0600);
            (void)site.client({{"getmail", "--getmaildir", directory / "state", "--rcfile", getmail}});
        }
        CHECK(site.client({{"curl", "-sSk", "--max-time", "60", "--ssl-reqd",
                            (stls ? "pop3" : "pop3s") + std::string{"://user1:pass1@127.0.0.1:"} + port + "/1"}}) ==
              tls_mail);
        std::size_t fetched = 0;
        for (const auto& entry : std::filesystem::directory_iterator{directory / "out/new"}) {
            CHECK(as_received(read_whole(entry.path())).ends_with(tls_mail)); // getmail adds a Return-Path
            ++fetched;
        }
        CHECK(fetched == (stls ? 2U : 3U));
    }
}

TEST_CASE("Thunderbird's sequence of commands works with STLS and with implicit TLS") {
    SiteWithMail site;
    site.passes(R"(
import base64
for stls in (True, False):
    if stls:
        f, s = plain(); assert f.readline().startswith(b"+OK")
        assert "STLS" in many(f, "CAPA")
        assert say(f, "STLS").startswith("+OK")
        f, t = wrap(s)
    else:
        f, t = connect()
    offered = many(f, "CAPA")
    assert "STLS" not in offered and any(l.startswith("SASL ") and "PLAIN" in l for l in offered), offered
    assert say(f, "AUTH PLAIN").startswith("+")
    answer = say(f, base64.b64encode(b"\0user1\0pass1").decode()); assert answer.startswith("+OK"), answer
    assert say(f, "STAT") == "+OK 1 32", "STAT"
    assert many(f, "LIST")[1:] == ["1 32", "."]
    assert len(many(f, "UIDL")) == 3
    assert many(f, "RETR 1")[1:] == ["Subject: over TLS", "", "..one", "two", "."]
    assert say(f, "QUIT").startswith("+OK"); assert f.read() == b""
)");
}

TEST_CASE("five hundred TLS sessions work at the same time") {
    TlsSite site{1, {"--sessions", "shared"}};
    site.passes(R"(
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
sessions = [connect(n % 2 == 0) for n in range(500)]
for f, t in sessions: f.write(b"USER user1\r\nPASS pass1\r\n"); f.flush()
for f, t in sessions:
    for _ in range(2): answer = f.readline(); assert answer.startswith(b"+OK"), answer
m, s = plain(int(sys.argv[5])); m.readline()
assert len([line for line in many(m, "SESS") if line.endswith(" tls")]) == 500
for f, t in sessions: assert say(f, "STAT") == "+OK 0 0"
for f, t in sessions: assert say(f, "QUIT").startswith("+OK"); assert f.read() == b""
)");
}

TEST_CASE("renewing the certificate again and again under load loses no session") {
    TlsSite site{9};
    for (int n = 1; n <= 5; ++n) make_certificate(site.directory / ("new" + std::to_string(n)), "renewed");
    site.passes(R"(
lost, done, stop = [], [0] * 9, threading.Event()
def sessions(user):
    try:
        while not stop.is_set():
            f, t = connect(user % 2 == 0); login(f, user)
            for _ in range(5): assert say(f, "NOOP").startswith("+OK")
            assert say(f, "QUIT").startswith("+OK"); assert f.read() == b""
            done[user] += 1
    except BaseException as e: lost.append(repr(e)); stop.set()
long = connect(); login(long[0], 9)
threads = [threading.Thread(target=sessions, args=(u,)) for u in range(1, 9)]
for t in threads: t.start()
def served():
    f, t = connect(); name = common_name(t); say(f, "QUIT"); return name
end = time.time() + 300
for n in range(1, 6):
    before, had = served(), sum(done)
    os.replace(directory + f"/new{n}", directory + "/cert.pem")
    os.kill(pid, signal.SIGHUP)
    while (served() == before or sum(done) < had + 8) and not lost: assert time.time() < end
stop.set()
for t in threads: t.join()
assert not lost, lost
assert say(long[0], "NOOP").startswith("+OK"), "the long session ended"
)");
    // The long session kept the first program alive; by now, all old ones have gone.
    CHECK(eventually([&] { return site.programs().size() == 1; }));
}

TEST_CASE("a front that passes TLS through names its clients in a PROXY header before the handshake") {
    TlsSite site{1, {"--proxy-from", "127.0.0.7", "--require-tls"}};
    site.passes(R"(
def front(header, port=pop3s, pieces=False):
    s = socket.create_connection(("127.0.0.1", port), 60, ("127.0.0.7", 0))
    for octet in ([bytes([o]) for o in header] if pieces else [header]): s.sendall(octet)
    return s
one = b"PROXY TCP4 203.0.113.9 203.0.113.1 5000 995\r\n"
two = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x0a\xcb\0\x71\x01\x13\x88\x03\xe3"
for header in (one, two, b"PROXY UNKNOWN\r\n"):
    for pieces in (False, True):
        f, t = wrap(front(header, pieces=pieces))
        assert f.readline().startswith(b"+OK POP3"); login(f); assert say(f, "QUIT").startswith("+OK"); f.read()
# By STLS, too: the header comes first.
s = front(one, pop3); f = s.makefile("rwb"); assert f.readline().startswith(b"+OK")
assert say(f, "STLS").startswith("+OK"); f, t = wrap(s); login(f); say(f, "QUIT"); f.read()
# A header and the beginning of the handshake in one piece.
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = context.wrap_bio(incoming, outgoing)
try: tls.do_handshake()
except ssl.SSLWantReadError: pass
s = front(one + outgoing.read()); reply = s.recv(65536); assert reply[0] == 0x16, reply
s.close()
# Without a header a front is cut off, and from others no header is believed.
s = front(b""); s.settimeout(60); assert s.recv(100) == b""
plain_tls = socket.create_connection(("127.0.0.1", pop3s), 60); plain_tls.sendall(one)
try: assert not plain_tls.recv(100).startswith(b"+OK")
except ConnectionResetError: pass
)");
    CHECK(site.logs("ip=203.0.113.9 "));
    CHECK(site.logs("ip=203.0.113.10 "));
    CHECK(site.logs("reason=proxy-header"));
}
