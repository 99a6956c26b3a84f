// system/login_programs_test.cpp - programs that decide on logins (--token, --checkpassword), with the installed
// examples and third-party clients.

#include <filesystem>

#include "support/catch.h"
#include "support/programs.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

const std::string token_mail = "Subject: by token\n\nbody\n";

// Which user each token belongs to; an unknown token is refused.
constexpr const char* token_program = R"sh(
while IFS='	' read -r user token; do
    case "$(printf %s "$token" | base64 -d)" in
    token-of-user1) echo "ok user1" ;;
    token-of-ana) echo "ok ana" ;;
    narrow) echo "no insufficient_scope mail.read" ;;
    die) exit 1 ;;
    *) echo "no invalid_token" ;;
    esac
done
)sh";

std::string in_base64(const std::string& text) {
    const Finished done = run({"base64", "-w0"}, text);
    REQUIRE(done.code == 0);
    return done.out;
}

std::string by_token(const Server& server, const std::string& user, const std::string& token) {
    Pop3Client client = server.client();
    const std::string reply =
        client.command("AUTH XOAUTH2 " + in_base64("user=" + user + "\1auth=Bearer " + token + "\1\1"));
    return reply.starts_with("+ ") ? reply + ' ' + client.command("") : reply;
}

// Answers introspection requests until it is destroyed. Only the token "good.token-1~+/==" of user1 is active.
class OAuthServer {
public:
    OAuthServer() : port_{free_port()} {
        script_ = directory_.file("server.py", R"py(
import http.server, sys, urllib.parse, base64
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers['Content-Length'])).decode())
        if self.headers.get('Authorization') != 'Basic ' + base64.b64encode(b'buzon:client secret').decode():
            self.send_response(401); self.end_headers(); return
        good = form.get('token') == ['good.token-1~+/==']
        body = b'{"active":true,"username":"user1","scope":"mail"}' if good else b'{"active":false}'
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words): pass
http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
)py",
                                  0600);
        process_ = std::make_unique<Process>(Launch{{"python3", script_, std::to_string(port_)}});
        REQUIRE(eventually([this] { return reachable("127.0.0.1", port_); }));
    }
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/introspect"; }

private:
    TempDirectory directory_;
    std::uint16_t port_;
    std::string script_;
    std::unique_ptr<Process> process_;
};

std::string example_program(const std::string& name) {
    return source_directory() + "/packaging/examples/" + name;
}

} // namespace

TEST_CASE("a token logs in the user that the token program names, and nobody else") {
    TempDirectory directory;
    Server server{1, {"--token", directory.script("tokens", token_program), "-N"}};
    CHECK(server.client().many("CAPA").find(" OAUTHBEARER XOAUTH2") != std::string::npos);
    CHECK(by_token(server, "user1", "token-of-user1").starts_with("+OK"));
    CHECK(by_token(server, "user1", "pass1").find("-ERR [AUTH]") != std::string::npos);
    const std::string stolen = by_token(server, "user1", "token-of-ana");
    CHECK(stolen ==
          "+ " + in_base64(R"({"status":"invalid_token","schemes":"bearer"})") + " -ERR [AUTH] Password incorrect");
    CHECK(by_token(server, "user1", "narrow")
              .starts_with("+ " +
                           in_base64(R"({"status":"insufficient_scope","schemes":"bearer","scope":"mail.read"})")));
    CHECK(by_token(server, "../user1", "token-of-user1").find("-ERR") != std::string::npos);
    CHECK(by_token(server, "user1", "die").starts_with("-ERR [SYS/TEMP]"));
    // A user in no file, named only by the program.
    CHECK(eventually([&] { return by_token(server, "ana", "token-of-ana").starts_with("+OK"); }));
    CHECK(std::filesystem::exists(server.root() + "/ana/cur"));
    CHECK(server.log().find("token-of") == std::string::npos);
    CHECK(server.logs("method=XOAUTH2"));
}

TEST_CASE("curl and mpop log in with a token") {
    TempDirectory directory;
    Server server{1, {"--token", directory.script("tokens", token_program)}};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", token_mail);
    const std::string url = "pop3://127.0.0.1:" + std::to_string(server.port()) + "/1";
    const auto by_curl = [&](const std::string& token) { // which prefers OAUTHBEARER
        return run({"curl", "-sS", "--max-time", "60", "-u", "user1:", "--oauth2-bearer", token, url});
    };
    CHECK(by_curl("token-of-user1").out == as_received(token_mail));
    CHECK(by_curl("token-of-ana").code == 67); // login denied
    for (const std::string mechanism : {"oauthbearer", "xoauth2"}) {
        const std::string into = directory / mechanism;
        for (const char* part : {"", "/cur", "/new", "/tmp"}) std::filesystem::create_directory(into + part);
        const Finished good = run({"mpop", "--host=127.0.0.1", "--port=" + std::to_string(server.port()), "--tls=off",
                                   "--auth=" + mechanism, "--user=user1", "--passwordeval=echo token-of-user1",
                                   "--keep=on", "--only-new=off", "--received-header=off",
                                   "--uidls-file=" + into + ".uidls", "--delivery=maildir," + into});
        CAPTURE(good.err, good.out);
        CHECK(good.code == 0);
        CHECK_FALSE(std::filesystem::is_empty(into + "/new"));
    }
    CHECK(eventually([&] {
        const std::string log = server.log();
        return log.find("method=OAUTHBEARER messages=1") != log.npos &&
               log.find("method=XOAUTH2 messages=1") != log.npos;
    }));
}

TEST_CASE("the introspect-token example accepts active tokens, and fails temporarily without its endpoint") {
    const OAuthServer oauth;
    TempDirectory directory;
    const std::string config = directory.file("introspect.conf", "user = \"buzon:client secret\"\n", 0600);
    Server server{1, {"--token", example_program("introspect-token") + ' ' + oauth.url() + ' ' + config}};
    CHECK(by_token(server, "user1", "good.token-1~+/==").starts_with("+OK"));
    CHECK(by_token(server, "user1", "other").find("-ERR [AUTH]") != std::string::npos);
    CHECK(by_token(server, "user2", "good.token-1~+/==").find("-ERR [AUTH]") != std::string::npos);
    Server away{1, {"--token", example_program("introspect-token") + " http://127.0.0.1:1/ " + config}};
    CHECK(by_token(away, "user1", "good.token-1~+/==").starts_with("-ERR [SYS/TEMP]"));
}

TEST_CASE("the checkpassword-sqlite example checks passwords in a database, and says where the mail is") {
    TempDirectory directory;
    const std::string database = directory / "users.db";
    const std::string hash = run({"openssl", "passwd", "-6", "it's secret"}).out.substr(0, 106);
    Server server{1, {"--checkpassword", "process:" + example_program("checkpassword-sqlite") + ' ' + database}};
    const std::string home = server.root() + "/home";
    std::filesystem::create_directory(home);
    REQUIRE(run({"sqlite3", database}, "CREATE TABLE users(name TEXT PRIMARY KEY, hash TEXT, home TEXT);\n"
                                       "INSERT INTO users VALUES('ana', '" +
                                           hash + "', '" + home + "'), ('o''neil', '" + hash +
                                           "', ''), ('locked', '*', ''), ('empty', '', '');\n")
                .code == 0);
    const auto answer = [&](const std::string& user, const std::string& password) {
        Pop3Client client = server.client();
        (void)client.command("USER " + user);
        return client.command("PASS " + password);
    };
    CHECK(answer("ana", "it's secret").starts_with("+OK"));
    CHECK(std::filesystem::exists(home + "/Maildir/cur"));
    CHECK(answer("o'neil", "it's secret").starts_with("+OK"));
    CHECK(std::filesystem::exists(server.root() + "/o'neil/cur"));
    for (const std::string user : {"ana", "locked", "empty", "nobody", "' OR 1=1 --"})
        CHECK(answer(user, user == "ana" ? "its secret" : "*").starts_with("-ERR"));
    CHECK(answer("user1", "pass1").starts_with("+OK")); // from -u
    std::filesystem::remove(database);
    CHECK(answer("ana", "it's secret").starts_with("-ERR [SYS/TEMP]"));
}

TEST_CASE("a checkpassword program that fails in any way lets nobody in") {
    TempDirectory directory;
    constexpr const char* program = R"sh(
while IFS='	' read -r user password address; do
    case "$(printf %s "$user" | base64 -d)" in
    away) echo "fail the database is away" ;;
    babbling) echo what ;;
    dying) exit 0 ;;
    lost) echo "ok home=relative" ;;
    *) echo ok ;;
    esac
done
)sh";
    for (const std::string user : {"away", "babbling", "dying", "lost"}) {
        Server server{1, {"--checkpassword", "process:" + directory.script("passwords", program)}};
        const auto answer = [&](const std::string& name) {
            Pop3Client client = server.client();
            (void)client.command("USER " + name);
            return client.command("PASS secret");
        };
        CHECK(answer("ana").starts_with("+OK"));
        CHECK(answer(user).starts_with("-ERR [SYS/TEMP]"));
        CHECK_FALSE(std::filesystem::exists(server.root() + "/" + user));
    }
}
