// system/login_test.cpp - the ways to log in and what CAPA says about them: USER, APOP, AUTH, users from a file.
#include <array>

#include "support/catch.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

std::string base64_of(const std::string& octets) {
    const Finished end = run({"base64", "-w0"}, octets);
    return end.out;
}

std::string md5(const std::string& octets) {
    return run({"md5sum"}, octets).out.substr(0, 32);
}

std::vector<std::string> capabilities(Pop3Client& client) {
    if (!client.command("CAPA").starts_with("+OK")) throw std::runtime_error("CAPA refused");
    std::vector<std::string> lines = client.body_lines();
    std::sort(lines.begin(), lines.end());
    return lines;
}

bool has(const std::vector<std::string>& lines, const std::string& tag) {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return line == tag || line.starts_with(tag + " "); });
}

} // namespace

TEST_CASE("CAPA says the same before and after login") {
    Server server;
    Pop3Client client = server.client();
    const std::vector<std::string> before = capabilities(client);
    for (const char* tag : {"TOP", "UIDL", "USER", "SASL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER",
                            "IMPLEMENTATION", "UTF8", "LANG"}) {
        CAPTURE(tag);
        CHECK(has(before, tag));
    }
    CHECK(!has(before, "STLS"));
    CHECK(!has(before, "LOGIN-DELAY"));
    client.login("user1", "pass1");
    CHECK(capabilities(client) == before);
    CHECK(client.command("STLS").starts_with("-ERR"));
}

TEST_CASE("a disabled command is missing from CAPA and refused") {
    for (const auto& [command, line] :
         std::vector<std::pair<std::string, std::string>>{{"TOP", "TOP 1 0"}, {"UIDL", "UIDL"}, {"CAPA", "CAPA"}}) {
        Server server{1, {"--disable", command}};
        (void)server.maildir("user1").deliver("1700000001.M1P1.h", "x\n");
        Pop3Client client = server.session();
        CHECK(client.command(line).starts_with("-ERR"));
        if (command != "CAPA") CHECK(!has(capabilities(client), command));
    }
    Server server{1, {"--disable", "APOP,AUTH"}};
    Pop3Client client = server.client();
    CHECK(client.greeting() == "+OK POP3 server ready");
    CHECK(!has(capabilities(client), "SASL"));
    CHECK(client.command("AUTH PLAIN").starts_with("-ERR"));
    client.login("user1", "pass1");
}

TEST_CASE("APOP accepts only the digest for its own greeting") {
    Server server;
    Pop3Client client = server.client(), other = server.client();
    const std::string stamp = client.greeting().substr(client.greeting().find('<'));
    CHECK(stamp != other.greeting().substr(other.greeting().find('<')));
    CHECK(other.command("APOP user1 " + md5(stamp + "pass1")).starts_with("-ERR [AUTH]"));
    CHECK(client.command("APOP user1 " + md5(stamp + "wrong")).starts_with("-ERR [AUTH]"));
    CHECK(client.command("APOP nobody " + md5(stamp + "pass1")).starts_with("-ERR [AUTH]"));
    CHECK(client.command("APOP user1 " + md5(stamp + "pass1")).starts_with("+OK"));
    CHECK(client.command("STAT") == "+OK 0 0");
}

TEST_CASE("AUTH PLAIN works with and without an initial response") {
    Server server;
    const auto plain = [](const std::string& user, const std::string& password, const std::string& as = {}) {
        return base64_of(as + std::string(1, '\0') + user + std::string(1, '\0') + password);
    };
    Pop3Client with = server.client();
    CHECK(with.command("AUTH PLAIN " + plain("user1", "pass1")).starts_with("+OK"));
    with.quit();
    Pop3Client without = server.client();
    CHECK(without.command("auth plain") == "+ ");
    CHECK(without.command(plain("user1", "pass1", "user1")).starts_with("+OK"));
    without.quit();
    Pop3Client wrong = server.client();
    for (const std::string& response :
         {plain("user1", "wrong"), plain("nobody", "pass1"), plain("user1", "pass1", "user2"), plain("", ""),
          std::string("="), std::string("*"), std::string("!!!!"), std::string("AAA"), base64_of("no separators")}) {
        CAPTURE(response);
        CHECK(wrong.command("AUTH PLAIN") == "+ ");
        CHECK(wrong.command(response).starts_with("-ERR"));
    }
    CHECK(wrong.command("AUTH PLAIN") == "+ ");
    wrong.send("NOOP\r\n"); // a response, not a command
    CHECK(wrong.line().starts_with("-ERR"));
    CHECK(wrong.command("AUTH NO-SUCH-MECHANISM").starts_with("-ERR"));
    wrong.login("user1", "pass1");
}

TEST_CASE("commands pipelined after AUTH are answered in order") {
    Server server;
    Pop3Client client = server.client();
    client.send("AUTH PLAIN\r\n" + base64_of(std::string("\0user1\0pass1", 12)) + "\r\nSTAT\r\nQUIT\r\n");
    CHECK(client.line() == "+ ");
    CHECK(client.line().starts_with("+OK"));
    CHECK(client.line() == "+OK 0 0");
    CHECK(client.line() == "+OK Goodbye");
}

TEST_CASE("a bare AUTH lists the mechanisms") {
    Server server;
    Pop3Client client = server.client();
    const std::string list = client.many("AUTH");
    CHECK(list.find("PLAIN\r\n") != std::string::npos);
    CHECK(list.find("SCRAM-SHA-256\r\n") != std::string::npos);
    CHECK(client.command("CAPA").starts_with("+OK"));
    for (const std::string& line : client.body_lines())
        if (line.starts_with("SASL "))
            CHECK((line.find(" PLAIN") != std::string::npos && line.find(" SCRAM-SHA-256") != std::string::npos));
}

TEST_CASE("a SCRAM-SHA-256 client in Python logs in and verifies the server") {
    TempDirectory directory;
    // {SCRAM-SHA-256}iterations,salt,stored key,server key for "pencil" (RFC 7677 section 3)
    const std::string program = directory.file("scram.py", R"(
import base64, hashlib, hmac, os, socket, sys
user, password, port = sys.argv[1], sys.argv[2].encode(), int(sys.argv[3])
wire = socket.create_connection(("127.0.0.1", port), 60).makefile("rwb")
def say(line):
    wire.write(line + b"\r\n"); wire.flush()
    return wire.readline().rstrip(b"\r\n")
wire.readline()
nonce = base64.b64encode(os.urandom(18)).decode()
bare = f"n={user},r={nonce}"
answer = say(b"AUTH SCRAM-SHA-256 " + base64.b64encode(("n,," + bare).encode()))
assert answer.startswith(b"+ "), answer
first = base64.b64decode(answer[2:]).decode()
field = dict(part.split("=", 1) for part in first.split(","))
assert field["r"].startswith(nonce) and len(field["r"]) > len(nonce)
salted = hashlib.pbkdf2_hmac("sha256", password, base64.b64decode(field["s"]), int(field["i"]))
client = hmac.digest(salted, b"Client Key", "sha256")
stored = hashlib.sha256(client).digest()
final = f"c=biws,r={field['r']}"
everything = ",".join((bare, first, final)).encode()
proof = bytes(a ^ b for a, b in zip(client, hmac.digest(stored, everything, "sha256")))
answer = say(base64.b64encode(f"{final},p={base64.b64encode(proof).decode()}".encode()))
if answer.startswith(b"-ERR"): print(answer.decode()); sys.exit(1)
assert answer.startswith(b"+ "), answer
signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), everything, "sha256")
assert base64.b64decode(answer[2:]) == b"v=" + base64.b64encode(signature), answer
print(say(b"").decode())
print(say(b"STAT").decode())
)");
    const std::string users = directory.file(
        "users", "ana:{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
                 "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\n");
    Server server{1, {"--users", users}};
    for (const auto& [user, password, code] :
         std::vector<std::tuple<std::string, std::string, int>>{{"user1", "pass1", 0},
                                                                {"user1", "wrong", 1},
                                                                {"ana", "pencil", 0},
                                                                {"ana", "pencils", 1},
                                                                {"nobody", "x", 1}}) {
        CAPTURE(user, password);
        const Finished end = run({"python3", program, user, password, std::to_string(server.port())});
        CAPTURE(end.out, end.err);
        CHECK(end.code == code);
        if (code == 0)
            CHECK(end.out.find("+OK 0 0") != std::string::npos);
        else
            CHECK(end.out.starts_with("-ERR [AUTH]"));
    }
    // The same secret works for PASS.
    Pop3Client client = server.client();
    client.login("ana", "pencil");
}

TEST_CASE("users from a passwd file log in with every scheme that crypt knows") {
    TempDirectory directory;
    const std::string home = home_of(directory, 1000);
    const Finished made = run({"python3", "-c", R"(
import warnings; warnings.simplefilter("ignore")
try:
    import crypt
    f = crypt.crypt
except ImportError:
    import ctypes
    lib = ctypes.CDLL("libcrypt.so.1"); lib.crypt.restype = ctypes.c_char_p
    f = lambda p, s: lib.crypt(p.encode(), s.encode()).decode()
p = "clave-secreta"
for name, scheme, salt in (("md5", "MD5-CRYPT", "$1$saltsalt"), ("sha256", "SHA256-CRYPT", "$5$saltsalt"), ("sha512", "SHA512-CRYPT", "$6$saltsalt"),
                           ("blowfish", "BLF-CRYPT", "$2b$05$abcdefghijklmnopqrstuu"), ("yescrypt", "CRYPT", "$y$j75$saltsaltsalt"), ("any", "CRYPT", "$6$othersalt")):
    print(f"{name}:{{{scheme}}}{f(p, salt)}")
)"});
    REQUIRE(made.code == 0);
    const std::string file = directory.file(
        "users", "# keepers\n\nplain:{PLAIN}clave-secreta\nclear:{CLEARTEXT}clave-secreta:1000:1000::" + home + "::\n" +
                     made.out);
    Server server{0, {"--users", file}};
    for (const char* name : {"plain", "clear", "md5", "sha256", "sha512", "blowfish", "yescrypt", "any"}) {
        CAPTURE(name);
        Pop3Client client = server.client();
        (void)client.command(std::string("USER ") + name);
        CHECK(client.command("PASS wrong") == "-ERR [AUTH] Password incorrect");
        client.login(name, "clave-secreta");
    }
}

TEST_CASE("UTF8 is accepted before login only, and LANG selects and lists languages") {
    Server server{1,
                  {"-u", "jos\xc3\xa9:contrase\xc3\xb1"
                         "a"}};
    Pop3Client client = server.client();
    CHECK(client.command("UTF8").starts_with("+OK"));
    CHECK(client.command("LANG es").starts_with("+OK es "));
    CHECK(client.command("LANG xx").starts_with("-ERR"));
    CHECK(client.command("LANG *").starts_with("+OK "));
    REQUIRE(client.command("LANG").starts_with("+OK"));
    std::string languages;
    for (const std::string& line : client.body_lines()) languages += line.substr(0, line.find(' ')) + " ";
    CHECK(languages.find("en ") != std::string::npos);
    CHECK(languages.find("es ") != std::string::npos);
    CHECK(languages.find("i-default ") != std::string::npos);
    client.login("jos\xc3\xa9", "contrase\xc3\xb1"
                                "a");
    CHECK(client.command("UTF8").starts_with("-ERR")); // RFC 6856: before login only
    client.quit();
}

TEST_CASE("a client beyond max-connections or max-per-ip is refused with SYS/TEMP, and the refusal's octets count") {
    Server server{3, {"--max-connections", "3", "--sessions", "shared"}};
    std::vector<Pop3Client> clients;
    for (int i = 0; i < 3; ++i) clients.push_back(server.session());
    Wire refused{"127.0.0.1", server.port()};
    CHECK(refused.rest(true).starts_with("-ERR [SYS/TEMP]"));
    clients.pop_back();
    CHECK(eventually([&] {
        Wire next{"127.0.0.1", server.port()};
        return next.line().starts_with("+OK");
    }));
    Server per_address{1, {"--max-per-ip", "2"}};
    Pop3Client one = per_address.client(), two = per_address.client();
    const auto octets_sent = [&] { return std::stoull(per_address.manager().command("METR bytes").substr(4)); };
    const unsigned long long before = octets_sent();
    Wire third{"127.0.0.1", per_address.port()};
    const std::string turned_away = third.rest(true);
    CHECK(turned_away.starts_with("-ERR [SYS/TEMP]"));
    CHECK(octets_sent() == before + turned_away.size());
    Wire elsewhere{"127.0.0.1", per_address.port(), {.from = "127.0.0.7"}};
    CHECK(elsewhere.line().starts_with("+OK"));
}

TEST_CASE("a message above the size limit is listed, but RETR and TOP refuse it") {
    Server server{1, {"--max-message-size", "100"}};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", std::string(98, 'x'));
    (void)server.maildir("user1").deliver("1700000002.M1P1.h", std::string(99, 'x'));
    Pop3Client client = server.session();
    CHECK(client.command("STAT") == "+OK 2 201");
    CHECK(client.retrieve(1).size() == 100);
    CHECK(client.command("LIST 2") == "+OK 2 101");
    CHECK(client.command("RETR 2").starts_with("-ERR [SYS/PERM]"));
    CHECK(client.command("TOP 2 0").starts_with("-ERR [SYS/PERM]"));
    client.quit();
}

TEST_CASE("only a trusted front can name the real client") {
    TempDirectory directory;
    Server server{1, {"--proxy-from", "127.0.0.7/32", "-T", "/usr/bin/env"}};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", "x\n");
    const auto client_ip = [&](const std::string& header) {
        LineClient client{"127.0.0.1", server.port(), {.from = "127.0.0.7"}};
        client.send(header);
        if (!client.line().starts_with("+OK")) throw std::runtime_error("not greeted");
        (void)client.command("USER user1");
        (void)client.command("PASS pass1");
        const std::string seen = client.many("RETR 1");
        (void)client.command("QUIT");
        const std::size_t at = seen.find("BUZON_CLIENT_IP=");
        return seen.substr(at + 16, seen.find("\r\n", at) - at - 16);
    };
    CHECK(client_ip("PROXY TCP4 203.0.113.9 203.0.113.1 5000 110\r\n") == "203.0.113.9");
    CHECK(client_ip("PROXY TCP6 2001:db8::9 2001:db8::1 5000 110\r\n") == "2001:db8::9");
    CHECK(client_ip("PROXY UNKNOWN\r\n") == "127.0.0.7");
    const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);
    CHECK(client_ip(signature + std::string("\x21\x11\0\x0c\xcb\0\x71\x09\xcb\0\x71\x01\x13\x88\0\x6e", 16)) ==
          "203.0.113.9");
    CHECK(client_ip(signature + std::string("\x20\0\0\0", 4)) == "127.0.0.7"); // LOCAL
    for (const std::string& wrong : {std::string("USER user1\r\n"), std::string("PROXY TCP4 203.0.113.9\r\n"),
                                     std::string("PROXY TCP4 300.0.113.9 203.0.113.1 5000 110\r\n"),
                                     std::string(200, 'P'), signature + "\x31\x11"}) {
        Wire wire{"127.0.0.1", server.port(), {.from = "127.0.0.7"}};
        wire.send(wrong);
        CHECK(wire.rest(true).empty());
    }
    Pop3Client direct = server.client(); // not from the front: the header is just a bad command
    CHECK(direct.command("PROXY TCP4 203.0.113.9 203.0.113.1 5000 110").starts_with("-ERR"));
}
