// system/tls_test.cpp - pop3s and STLS with the real stunnel: its life, its certificates, and what clients get through
// it.
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "support/certificate.h"
#include "system/tls_site.h"
#include "system/worker_processes.h"

using namespace buzon::test;

namespace {

namespace fs = std::filesystem;

} // namespace

TEST_CASE("TLS works whatever descriptors the server is started with") {
    const TempDirectory directory;
    const std::string certificate = directory / "cert.pem";
    make_certificate(certificate);
    for (const std::string closed : {"", "3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-", "3</dev/null 4</dev/null 5<&- 6<&-"}) {
        CAPTURE(closed);
        const Server server{Server::Setup{.arguments = {"--tls-cert", certificate, "--tls-port", "0"},
                                          .before = {"/bin/sh", "-c", "exec " + closed + "\nexec \"$@\"", "sh"}}};
        CHECK(eventually([&] { return server.client().many("CAPA").find("STLS\r\n") != std::string::npos; }));
    }
}

TEST_CASE("mail can be read with implicit TLS and with STLS, and the log and SESS say so") {
    TlsSite site;
    site.server->maildir("user1").deliver("1700000001.M1.x", "Subject: hi\n\nhello\n");
    const std::string port = std::to_string(site.server->port());
    for (const Words& words : {Words{"pop3s://user1:pass1@127.0.0.1:" + tls_port(*site.server) + "/1"},
                               Words{"--ssl-reqd", "pop3://user1:pass1@127.0.0.1:" + port + "/1"}}) {
        Words argv{"curl", "-sk"};
        argv.insert(argv.end(), words.begin(), words.end());
        const Finished fetched = run(argv);
        CHECK(fetched.code == 0);
        CHECK(fetched.out == "Subject: hi\r\n\r\nhello\r\n");
    }
    CHECK(site.logs(" tls=yes\n"));
    CHECK(site.server->logs("ip=127.0.0.1 method="));
    site.passes(R"(
def sessions():
    m, s = plain(int(sys.argv[5])); m.readline(); return many(m, "SESS")[1:-1]
f, s = plain(); f.readline(); login(f)
assert not [line for line in sessions() if line.endswith(" tls")], "a session without TLS"
say(f, "QUIT"); f.read()
for stls in (False, True):
    f, t = connect(stls); login(f)
    assert len([line for line in sessions() if line.endswith(" tls")]) == 1, sessions()
    say(f, "QUIT"); f.read()
)");
}

TEST_CASE("the TLS program of root's server runs as another user, without root's groups and capabilities") {
    if (::geteuid() != 0) return;
    TlsSite site;
    REQUIRE(eventually([&] { return site.capabilities().find("STLS\r\n") != std::string::npos; }));
    REQUIRE_FALSE(site.programs().empty());
    for (const pid_t pid : site.programs()) {
        const fs::path process = "/proc/" + std::to_string(pid);
        CHECK_FALSE(status_of(process, "Uid").starts_with("0\t"));
        CHECK_FALSE(status_of(process, "Gid").starts_with("0\t"));
        CHECK(status_of(process, "Groups").find_first_not_of(' ') == std::string::npos);
        for (const char* const set : {"CapEff", "CapPrm", "CapBnd"})
            CHECK(status_of(process, set) == "0000000000000000");
        CHECK(status_of(process, "NoNewPrivs") == "1");
    }
}

TEST_CASE("the TLS program runs with a seccomp filter, and with --sandbox off without one") {
    for (const char* mode : {"auto", "off"}) {
        CAPTURE(mode);
        const TlsSite site{1, {"--sandbox", mode}};
        REQUIRE_FALSE(site.programs().empty());
        const std::size_t filters = filters_around_server() + (std::string_view{mode} == "auto" ? 1 : 0);
        for (const pid_t pid : site.programs())
            CHECK(status_of("/proc/" + std::to_string(pid), "Seccomp_filters") == std::to_string(filters));
    }
}

TEST_CASE("CAPA offers STLS only before TLS and login, and STLS is refused after either") {
    TlsSite site;
    site.passes(R"(
f, s = plain(); f.readline()
assert "STLS" in many(f, "CAPA")
login(f)
assert "STLS" not in many(f, "CAPA")
assert say(f, "STLS").startswith("-ERR")
for stls in (False, True):
    f, t = connect(stls)
    assert "STLS" not in many(f, "CAPA"), "offered within TLS"
    assert say(f, "STLS").startswith("-ERR")
    assert t.version() in ("TLSv1.2", "TLSv1.3")
f, s = plain(); f.readline()
assert say(f, "STLS x").startswith("-ERR")
assert say(f, "stls").startswith("+OK")
f, t = wrap(s)
assert "USER" in many(f, "CAPA")
assert say(f, "QUIT").startswith("+OK")
old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT); old.check_hostname = False; old.verify_mode = ssl.CERT_NONE
old.minimum_version = ssl.TLSVersion.TLSv1; old.maximum_version = ssl.TLSVersion.TLSv1_1
try:
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.wrap_socket(plain(pop3s)[1]); sys.exit("TLS 1.1 was accepted")
except (ssl.SSLError, ConnectionResetError): pass
)");
}

TEST_CASE("commands pipelined after STLS are discarded, and the TLS session goes on") {
    TlsSite site;
    site.passes(R"(
for behind in (b"USER user1\r\nPASS pass1\r\nSTAT\r\n", b"QUIT\r\n", b"X" * 100000, b"USER user1"):
    f, s = plain(); f.readline()
    s.sendall(b"STLS\r\n" + behind)
    reply = f.readline(); assert reply.startswith(b"+OK Begin"), reply
    if len(behind) > 10000: continue # its rest meets the handshake, which fails
    f, t = wrap(s)
    assert say(f, "STAT").startswith("-ERR"), "what was behind STLS logged in"
    assert say(f, "PASS pass1").startswith("-ERR"), "USER was taken over"
    login(f); assert say(f, "STAT").startswith("+OK 0 0")
    assert say(f, "QUIT").startswith("+OK")
)");
}

TEST_CASE("an invalid TLS handshake ends only that connection, and a silent one ends after login-timeout") {
    TlsSite site{1, {"--login-timeout", "1"}};
    site.passes(R"(
def patiently(does): # a busy machine may need more than the second
    end = time.time() + 60
    while True:
        try: return does()
        except (OSError, AssertionError):
            if time.time() > end: raise
def begun(port, first):
    f, s = plain(port)
    if first: assert f.readline(); s.sendall(first); assert f.readline()
    return f, s
def session():
    f, t = connect(); login(f); assert say(f, "NOOP").startswith("+OK")
for port, first in ((pop3s, None), (pop3, b"STLS\r\n")):
    f, s = patiently(lambda: begun(port, first))
    try:
        for _ in range(16): s.sendall(b"x" * 65536)
        while s.recv(65536): pass
    except (ConnectionResetError, BrokenPipeError): pass
    f, s = patiently(lambda: begun(port, first))
    s.settimeout(60); assert s.recv(100) == b"", "a silent client was not cut off"
patiently(session)
)");
    CHECK(site.logs("reason=login-timeout"));
}

TEST_CASE("a large message arrives unchanged over TLS even if read late, and forty TLS sessions work at once") {
    TlsSite site{40};
    std::string text = "Subject: large\r\n\r\n";
    for (int i = 0; i < 100'000; ++i) text += "line " + std::to_string(i) + " of a message that is large\r\n";
    site.server->maildir("user1").deliver("1700000001.M1.x", text);
    site.passes(R"(
def wait_until_it_waits_for_me():
    end = time.time() + 60
    with socket.create_connection(("127.0.0.1", int(sys.argv[5])), 60).makefile("rwb") as manager:
        manager.readline()
        while not any(" command=RETR " in line and " backlog=0 " not in line for line in many(manager, "SESS")):
            assert time.time() < end
expected = b"Subject: large\r\n\r\n" + b"".join(b"line %d of a message that is large\r\n" % i for i in range(100000))
for stls in (False, True):
    f, t = connect(stls); login(f)
    assert say(f, "RETR 1").startswith("+OK")
    wait_until_it_waits_for_me()
    assert f.read(len(expected)) == expected
    assert f.readline() == b".\r\n"
    assert say(f, "QUIT").startswith("+OK"); assert f.read() == b""
wrong = []
def one(user):
    try:
        f, t = connect(user % 2 == 0); login(f, user)
        for _ in range(5): assert say(f, "STAT").startswith("+OK")
        barrier.wait(60); assert say(f, "QUIT").startswith("+OK")
    except BaseException as e: wrong.append(repr(e)); barrier.abort()
barrier = threading.Barrier(40)
threads = [threading.Thread(target=one, args=(u,)) for u in range(1, 41)]
for t in threads: t.start()
for t in threads: t.join()
assert not wrong, wrong
)");
}

TEST_CASE("over TLS, the end of the last replies is not lost, however late the client reads it after QUIT") {
    TlsSite site;
    std::string text = "Subject: large\r\n\r\n";
    for (int i = 0; i < 300'000; ++i) text += "line " + std::to_string(i) + " of a message that is large\r\n";
    site.server->maildir("user1").deliver("1700000001.M1.x", text);
    site.passes(R"(
expected = b"Subject: large\r\n\r\n" + b"".join(b"line %d of a message that is large\r\n" % i for i in range(300000))
expected = b"+OK %d octets\r\n" % len(expected) + expected + b".\r\n+OK Goodbye\r\n"
manager = plain(int(sys.argv[5]))[0]; manager.readline()
s = socket.socket(); s.settimeout(60)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 200000)
s.connect(("127.0.0.1", pop3s))
f, t = wrap(s); assert f.readline().startswith(b"+OK POP3")
login(f)
t.sendall(b"RETR 1\r\nQUIT\r\n")
got = bytearray()
while say(manager, "METR online") != "+OK 0": # until the server has got rid of everything
    piece = t.recv(16384); assert piece, "ended after %d octets" % len(got)
    got += piece
for _ in range(200): say(manager, "NOOP") # nobody reads
while True:
    piece = t.recv(16384)
    if not piece: break
    got += piece
assert got == expected, "%d of %d octets" % (len(got), len(expected))
)");
}

TEST_CASE("a TLS client that does not read is let go after autologout, and keeps no DRAIN waiting") {
    TlsSite site{1, {"-a", "root:s3cr3t"}};
    std::string text = "Subject: large\n\n";
    while (text.size() < 16'000'000) text += std::string(99, 'x') + '\n';
    site.server->maildir("user1").deliver("1700000001.M1.x", text);
    site.passes(R"(
m, s = plain(int(sys.argv[5])); m.readline(); say(m, "AUTH root s3cr3t")
def within_a_minute(condition):
    end = time.time() + 60
    while not condition(): assert time.time() < end; time.sleep(0.01)
def the_server_waits(): # for us to read
    return any(" command=RETR " in line and " backlog=0 " not in line for line in many(m, "SESS"))
def held(t): # whether the server has a descriptor for our connection
    mine = t.getsockname()[1]
    for line in open("/proc/net/tcp"):
        words = line.split()
        if words[1].endswith(":%04X" % pop3s) and words[2].endswith(":%04X" % mine): return words[9] != "0"
    return False
f, t = connect(); login(f); f.write(b"RETR 1\r\n"); f.flush()
within_a_minute(the_server_waits)
assert held(t)
assert say(m, "CONF timeout 1").startswith("+OK")
within_a_minute(lambda: not held(t))
assert many(m, "SESS")[1:-1] == []
assert say(m, "DRAIN").startswith("+OK")
while m.readline(): pass # until the server has ended
)");
    CHECK(site.server->process().wait() == 0);
    site.server->expect_no_clean_end();
    CHECK(site.logs("reason=autologout"));
}

TEST_CASE("a local user cannot take over the TLS connection of another client during its handshake") {
    if (::geteuid() != 0) {
        WARN("not root: nobody else may look at the reactor's descriptors");
        return;
    }
    TlsSite site;
    site.passes("reactor = " + std::to_string(site.server->reactor()) + R"(
def from_hex(text):
    address, port = text.split(":")
    return socket.inet_ntoa(struct.pack("<I", int(address, 16))), int(port, 16)
def to_the_program(): # the server's connection to stunnel: its own port, and stunnel's
    sockets = set()
    for number in os.listdir(f"/proc/{reactor}/fd"):
        try: sockets.add(os.readlink(f"/proc/{reactor}/fd/{number}"))
        except FileNotFoundError: pass
    for line in list(open("/proc/net/tcp"))[1:]:
        words = line.split()
        own, peer = from_hex(words[1]), from_hex(words[2])
        if words[3] == "01" and f"socket:[{words[9]}]" in sockets and own[1] not in (pop3, pop3s, int(sys.argv[5])):
            return own[1], peer[1]
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
client = context.wrap_bio(incoming, outgoing)
try: client.do_handshake()
except ssl.SSLWantReadError: pass
hello = outgoing.read()
f, s = plain(pop3s)
s.sendall(hello[:len(hello) // 2])
end = time.time() + 60
while not to_the_program(): assert time.time() < end
port, programs = to_the_program()
other = socket.socket(); other.settimeout(60)
other.bind(("127.0.0.2", port)); other.connect(("127.0.0.1", programs))
try:
    got = context.wrap_socket(other).recv(100)
    assert got == b"", got
except (ssl.SSLError, ConnectionError): pass
s.sendall(hello[len(hello) // 2:])
def received(does):
    while True:
        try: return does()
        except ssl.SSLWantReadError: pass
        finally: s.sendall(outgoing.read())
        more = s.recv(65536); assert more, "the first client was cut off"
        incoming.write(more)
received(client.do_handshake)
assert received(lambda: client.read(100)).startswith(b"+OK POP3")
)");
}

TEST_CASE("SIGHUP loads a renewed certificate, rejects a broken one, and ends no session") {
    TlsSite site;
    make_certificate(site.directory / "new.pem", "renewed");
    site.passes(R"(
old = connect(); login(old[0]); before = common_name(old[1])
os.replace(directory + "/new.pem", directory + "/cert.pem")
os.kill(pid, signal.SIGHUP)
def served():
    f, t = connect(); name = common_name(t); say(f, "QUIT"); return name
end = time.time() + 60
while served() == before: assert time.time() < end
assert say(old[0], "NOOP").startswith("+OK"), "the old session ended"
after = served()
# One that does not load: the old one stays.
open(directory + "/cert.pem", "w").write("nonsense\n")
os.kill(pid, signal.SIGHUP)
assert say(old[0], "NOOP").startswith("+OK")
)");
    CHECK(site.logs("certificate not renewed, the old one stays in use"));
    site.passes(R"(
f, t = connect(); login(f); assert say(f, "QUIT").startswith("+OK")
)");
    // Old programs end when their sessions have ended.
    CHECK(eventually([&] { return site.programs().size() == 1; }));
}

TEST_CASE("a TLS program that dies is started again without harm to plain sessions, and ends with the server") {
    TlsSite site{2};
    Pop3Client open = site.server->session(2);
    REQUIRE(site.programs().size() == 1);
    const pid_t first = site.programs().front();
    ::kill(first, SIGKILL);
    CHECK(site.logs("killed by signal 9; it is started again"));
    REQUIRE(eventually([&] { return site.capabilities().find("STLS\r\n") != std::string::npos; }));
    CHECK(open.command("NOOP").starts_with("+OK"));
    site.passes(R"(
f, t = connect(); login(f); assert say(f, "QUIT").startswith("+OK")
)");
    const std::vector<pid_t> programs = site.programs();
    REQUIRE(programs.size() == 1);
    CHECK(programs.front() != first);
    site.server->expect_no_clean_end();
    site.server->process().signal(SIGKILL);
    CHECK(eventually([&] {
        const char state = state_of(programs.front());
        return state == 0 || state == 'Z';
    }));
}

TEST_CASE("certificates and TLS programs that cannot work are reported at startup and by --check") {
    TempDirectory directory;
    fs::create_directory(directory / "mail");
    const std::string good = directory / "good.pem", other = directory / "other.pem";
    make_certificate(good);
    make_certificate(other);
    const std::string nonsense = directory.file("nonsense", "no certificate\n");
    struct Case {
        Words arguments;
        int code;
        std::string says;
    };
    const Case cases[] = {
        {{"--tls-cert", directory / "none"}, 66, "--tls-cert " + (directory / "none") + ": No such file or directory"},
        {{"--tls-cert", good, "--tls-key", directory / "none"}, 66, "--tls-key " + (directory / "none")},
        {{"--tls-cert", nonsense}, 78, "--tls-cert " + nonsense + ": "},
        {{"--tls-cert", good + ".crt"}, 78, "--tls-cert "},
        {{"--tls-cert", good, "--tls-key", other + ".key"}, 78, "--tls-cert "},
        {{"--tls-cert", good, "--tls-program", directory / "none"}, 66, "--tls-program "},
        {{"--tls-cert", good, "--tls-program", nonsense}, 77, "--tls-program "},
        {{"--tls-cert", good, "--tls-options", "ciphers = NO-SUCH-CIPHER"}, 78, "--tls-cert "},
        {{"--tls-key", good}, 64, "--tls-cert"},
        {{"--tls-cert", good, "--tls-options", "exec = /bin/sh"}, 64, "exec is set by the server itself"},
        {{"--tls-cert", good, "--tls-port", "70000"}, 64, "--tls-port"},
    };
    for (const Case& one : cases) {
        for (const bool checking : {false, true}) {
            Words arguments{"-d", directory / "mail", "-p", "0", "-P", "0", "-u", "ana:secret"};
            arguments.insert(arguments.end(), one.arguments.begin(), one.arguments.end());
            if (checking) arguments.push_back("--check");
            const Finished end = run_server(arguments);
            CAPTURE(one.says, checking, end.err);
            CHECK(end.code == one.code);
            CHECK(end.err.find(one.says) != std::string::npos);
            CHECK(end.out.empty());
        }
    }
    CHECK(run_server({"-d", directory / "mail", "-u", "ana:secret", "--tls-cert", good, "--tls-options",
                      "ciphers = HIGH", "--check"})
              .code == 0);
}
