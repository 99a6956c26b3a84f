// system/refusals_test.cpp - every refusal is reported: by an event, a log line, a counter and a line of WHYY.
#include "support/catch.h"
#include "system/manage_server.h"

using namespace buzon::test;

namespace {

constexpr const char* proxy_at = "127.0.0.7";

LineClient by_front(const Server& server, const std::string& client) {
    LineClient wire{"127.0.0.1", server.port(), {.from = proxy_at}};
    wire.send("PROXY TCP4 " + client + " 203.0.113.1 5000 110\r\n");
    (void)wire.line();
    return wire;
}

std::string try_login(LineClient& client, const std::string& user, const std::string& password) {
    (void)client.command("USER " + user);
    return client.command("PASS " + password);
}

std::string try_login(const Server& server, const std::string& user, const std::string& password) {
    Pop3Client client = server.client();
    return try_login(client, user, password);
}

// What a listener, the log, METR and (if there is a user) WHYY report about one refusal.
struct Told {
    std::string type, user, fields, metric;
};

void is_told(const Server& server, LineClient& listener, const Told& told) {
    CAPTURE(told.type, told.user, told.fields, told.metric);
    const std::string event = listener.line();
    CAPTURE(event);
    CHECK(event.find(' ' + told.type + " level=notice ") != std::string::npos);
    if (!told.user.empty()) CHECK(event.find(" user=" + told.user + ' ') != std::string::npos);
    CHECK(event.find(told.fields) != std::string::npos);
    CHECK(server.logs(event));
    ManagementClient manager = administrator_of(server);
    CHECK(manager.ask("METR refusals-" + told.metric) != "0");
    if (!told.user.empty()) CHECK(manager.many("WHYY " + told.user).find(event) != std::string::npos);
}

LineClient listener_of(const Server& server) {
    ManagementClient listener = administrator_of(server);
    (void)listener.command("EVNT refused auth-fail");
    return listener;
}

} // namespace

TEST_CASE("a login refused for its secret, its user or its address is reported with the true reason") {
    TempDirectory directory;
    Server server{1,
                  {"-a", "root:s3cr3t", "--users",
                   directory.file("users", "no:{PLAIN}x::::::nologin\nfar:{PLAIN}x::::::allow_nets=192.0.2.0/24\n"
                                           "shut:!\n")}};
    LineClient listener = listener_of(server);
    for (const Told& told : {Told{"auth-fail", "user1", "method=PASS reason=\"wrong password\"", "wrong-secret"},
                             Told{"auth-fail", "nobody", "reason=\"unknown user\"", "unknown-user"},
                             Told{"auth-fail", "no", "reason=nologin", "nologin"},
                             Told{"auth-fail", "far", "reason=\"not allowed from this address\"", "allow-nets"},
                             Told{"auth-fail", "shut", "reason=\"locked account\"", "locked-account"}}) {
        CHECK(try_login(server, told.user, told.user == "user1" ? "y" : "x")
                  .starts_with("-ERR [AUTH] Password incorrect"));
        is_told(server, listener, told);
    }
}

TEST_CASE("a login refused because of a lock, a delay, a limit or a broken maildrop is reported") {
    Server server{3, {"--sessions", "shared", "--max-per-user", "1", "-a", "root:s3cr3t"}};
    std::filesystem::remove_all(server.root() + "/user2");
    (void)server.directory().file("mail/user2", "no directory");
    LineClient listener = listener_of(server);
    Pop3Client holder = server.session(1);
    CHECK(try_login(server, "user1", "pass1").starts_with("-ERR [SYS/TEMP]"));
    is_told(server, listener, {"refused", "user1", "method=PASS reason=max-per-user", "max-per-user"});
    CHECK(administrator_of(server).command("CONF sessions exclusive").starts_with("+OK"));
    CHECK(try_login(server, "user1", "pass1").starts_with("-ERR [IN-USE]"));
    is_told(server, listener, {"refused", "user1", "reason=in-use why=\"maildrop locked by ", "in-use"});
    CHECK(try_login(server, "user2", "pass2").starts_with("-ERR [SYS/PERM]"));
    is_told(server, listener, {"refused", "user2", "reason=maildrop why=", "maildrop"});
    CHECK(administrator_of(server).command("CONF login-delay 3600").starts_with("+OK"));
    server.session(3).quit();
    CHECK(try_login(server, "user3", "pass3").starts_with("-ERR [LOGIN-DELAY]"));
    is_told(server, listener, {"refused", "user3", "reason=login-delay", "login-delay"});
}

TEST_CASE("a clear-text secret refused without TLS is reported, whichever command sent it") {
    Server server{1, {"--proxy-from", proxy_at, "--require-tls", "-a", "root:s3cr3t"}};
    LineClient listener = listener_of(server);
    LineClient client = by_front(server, "203.0.113.9");
    CHECK(client.command("USER user1").starts_with("-ERR [AUTH]"));
    is_told(server, listener, {"refused", "user1", "ip=203.0.113.9 method=PASS reason=require-tls", "require-tls"});
    CHECK(client.command("AUTH PLAIN AHVzZXIxAHBhc3Mx").starts_with("-ERR [AUTH]"));
    is_told(server, listener, {"refused", "user1", "ip=203.0.113.9 method=PLAIN reason=require-tls", "require-tls"});
    CHECK(client.command("AUTH LOGIN").starts_with("-ERR [AUTH]"));
    is_told(server, listener, {"refused", "", "ip=203.0.113.9 method=LOGIN reason=require-tls", "require-tls"});
    // A client that goes on like that is disconnected.
    for (int i = 0; i < 7; ++i) CHECK(client.command("USER user1").starts_with("-ERR [AUTH]"));
    CHECK(client.ended());
}

TEST_CASE("a connection refused for a limit, its PROXY header or its silence is reported") {
    Server server{1, {"--max-per-ip", "1", "--proxy-from", proxy_at, "-a", "root:s3cr3t"}};
    LineClient listener = listener_of(server);
    Pop3Client one = server.client();
    LineClient other{"127.0.0.1", server.port()};
    CHECK(other.rest(true).starts_with("-ERR [SYS/TEMP]"));
    is_told(server, listener, {"refused", "", "ip=127.0.0.1 reason=max-per-ip", "max-per-ip"});
    Wire headless{"127.0.0.1", server.port(), {.from = proxy_at}};
    headless.send("USER user1\r\n");
    CHECK(headless.rest(true).empty());
    is_told(server, listener, {"refused", "", "reason=proxy-header why=\"no valid PROXY header\"", "proxy-header"});
    (void)one.command("USER user1");
    CHECK(administrator_of(server).command("CONF login-timeout 1").starts_with("+OK"));
    CHECK(one.rest(true).empty());
    is_told(server, listener, {"refused", "user1", "ip=127.0.0.1 reason=login-timeout", "login-timeout"});
}

TEST_CASE("the tenth failed login on a connection is answered and closes it, even on loopback") {
    Server server{2};
    Pop3Client client = server.client();
    for (int i = 0; i < 10; ++i)
        CHECK(try_login(client, "user1", "guess" + std::to_string(i)).starts_with("-ERR [AUTH]"));
    CHECK(client.ended());
    // With pipelining, whatever follows the tenth is ignored.
    std::string tries;
    for (int i = 0; i < 400; ++i) tries += "USER user1\r\nPASS guess" + std::to_string(i) + "\r\n";
    Pop3Client pipelining = server.client();
    pipelining.send(tries + "USER user1\r\nPASS pass1\r\n");
    const std::string replies = pipelining.rest(true);
    std::size_t wrong = 0;
    for (std::size_t at = replies.find("-ERR [AUTH]"); at != std::string::npos;
         at = replies.find("-ERR [AUTH]", at + 1))
        ++wrong;
    CHECK(wrong == 10);
    CHECK(replies.find("Password accepted") == std::string::npos);
    // Nine wrong passwords, then the right one.
    Pop3Client owner = server.client();
    for (int i = 0; i < 9; ++i) CHECK(try_login(owner, "user2", "typo").starts_with("-ERR [AUTH]"));
    CHECK(try_login(owner, "user2", "pass2").starts_with("+OK"));
}
