// system/front_test.cpp - who may log in and how soon: delayed attempts, fronts that report TLS, checkpassword
// programs, users that change while the server runs.
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "support/catch.h"
#include "system/server.h"

using namespace buzon::test;

namespace {

// A connection from a trusted front on behalf of the client at this address.
LineClient through_front(const Server& server, const std::string& client) {
    LineClient wire{"127.0.0.1", server.port(), {.from = "127.0.0.7"}};
    wire.send("PROXY TCP4 " + client + " 203.0.113.1 5000 110\r\n");
    if (!wire.line().starts_with("+OK")) throw std::runtime_error("not greeted");
    return wire;
}

std::string log_in(LineClient& client, const std::string& user, const std::string& password) {
    (void)client.command("USER " + user);
    return client.command("PASS " + password);
}

std::string log_in(Server& server, const std::string& user, const std::string& password) {
    Pop3Client client = server.client();
    std::string reply = log_in(client, user, password);
    (void)client.command("QUIT");
    return reply;
}

bool delayed(LineClient& client, const std::string& user, const std::string& password) {
    client.send("USER " + user + "\r\nPASS " + password + "\r\n");
    (void)client.line();
    return client.silent_for(Seconds{0.5});
}

void write(const std::string& path, const std::string& text) {
    std::ofstream{path} << text;
}

} // namespace

TEST_CASE("a PROXY header may arrive in pieces, and commands right behind it are answered") {
    Server server{1, {"--proxy-from", "127.0.0.7"}};
    Wire wire{"127.0.0.1", server.port(), {.from = "127.0.0.7"}};
    for (const char octet : std::string("PROXY TCP4 203.0.113.9 203.0.113.1 5000 110\r")) wire.send({&octet, 1});
    wire.send("\nUSER user1\r\nPASS pass1\r\nSTAT\r\n");
    CHECK(wire.line().starts_with("+OK POP3"));
    CHECK(wire.line().starts_with("+OK"));
    CHECK(wire.line().starts_with("+OK"));
    CHECK(wire.line() == "+OK 0 0");
    CHECK(server.logs("ip=203.0.113.9"));
}

TEST_CASE("a front that sends nothing is disconnected without a greeting") {
    Server server{1, {"--proxy-from", "127.0.0.7"}};
    Wire silent{"127.0.0.1", server.port(), {.from = "127.0.0.7"}};
    CHECK(silent.rest(true).empty());
}

TEST_CASE("the limit per address counts the real clients, not the front") {
    Server server{1, {"--proxy-from", "127.0.0.7", "--max-per-ip", "1"}};
    LineClient one = through_front(server, "203.0.113.9");
    LineClient other = through_front(server, "203.0.113.10");
    LineClient again{"127.0.0.1", server.port(), {.from = "127.0.0.7"}};
    again.send("PROXY TCP4 203.0.113.9 203.0.113.1 5000 110\r\n");
    CHECK(again.rest(true).starts_with("-ERR [SYS/TEMP]"));
}

TEST_CASE("with --require-tls, passwords are accepted only from a front that reports TLS, or over loopback") {
    Server server{1, {"--proxy-from", "127.0.0.7", "--require-tls"}};
    LineClient open = through_front(server, "203.0.113.9");
    CHECK(open.command("USER user1").starts_with("-ERR"));
    LineClient secure{"127.0.0.1", server.port(), {.from = "127.0.0.7"}};
    secure.send(std::string(
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14\xcb\0\x71\x09\xcb\0\x71\x01\x13\x88\0\x6e\x20\0\5\1\0\0\0\1", 36));
    CHECK(secure.line().starts_with("+OK"));
    CHECK(log_in(secure, "user1", "pass1").starts_with("+OK"));
    CHECK(log_in(server, "user1", "pass1").find("[IN-USE]") != std::string::npos); // loopback: nobody can eavesdrop
}

TEST_CASE("with proxy-tls, clients behind a front count as using TLS, although PROXY version 1 cannot say so") {
    Server server{1, {"--proxy-from", "127.0.0.7", "--require-tls", "--proxy-tls"}};
    LineClient client = through_front(server, "203.0.113.9");
    CHECK(client.many("CAPA").find("SASL SCRAM-SHA-256 PLAIN LOGIN\r\n") != std::string::npos);
    CHECK(log_in(client, "user1", "pass1").starts_with("+OK"));
    (void)client.command("QUIT");
    LineClient unknown{"127.0.0.1", server.port(), {.from = "127.0.0.7"}};
    unknown.send("PROXY UNKNOWN\r\n");
    CHECK(unknown.line().starts_with("+OK"));
    CHECK(log_in(unknown, "user1", "pass1").starts_with("+OK"));
    (void)unknown.command("QUIT");
    // A manager can see the setting.
    CHECK(server.manager().ask("CONF proxy-tls") == "on");
}

TEST_CASE("a guesser is delayed; the user at a familiar address is not") {
    Server server{1,
                  {"--proxy-from", "127.0.0.7", "--throttle-free", "2", "--throttle-free-user", "3", "--throttle-delay",
                   "20", "--throttle-max-delay", "20"}};
    LineClient owner = through_front(server, "203.0.113.1");
    CHECK(log_in(owner, "user1", "pass1").starts_with("+OK"));
    (void)owner.command("QUIT");
    for (int i = 0; i < 3; ++i) {
        LineClient guesser = through_front(server, "198.51.100." + std::to_string(i + 1));
        CHECK(log_in(guesser, "user1", "guess").starts_with("-ERR [AUTH]"));
    }
    LineClient guesser = through_front(server, "198.51.100.77");
    CHECK(delayed(guesser, "user1", "guess")); // too many guesses at this user
    LineClient known = through_front(server, "203.0.113.1");
    CHECK(log_in(known, "user1", "pass1").starts_with("+OK"));
    (void)known.command("QUIT");
    LineClient poller = through_front(server, "192.0.2.5");
    CHECK(log_in(poller, "nobody", "x").starts_with("-ERR [AUTH]"));
    CHECK(log_in(poller, "noone", "x").starts_with("-ERR [AUTH]"));
    CHECK(delayed(poller, "nemo", "x")); // too many from this address
    CHECK(log_in(server, "user1", "pass1").starts_with("+OK"));
}

TEST_CASE("a user who logs in again within the delay that CAPA announces is refused") {
    Server server{2, {"--login-delay", "3600"}};
    CHECK(log_in(server, "user1", "pass1").starts_with("+OK"));
    CHECK(log_in(server, "user1", "pass1").starts_with("-ERR [LOGIN-DELAY]"));
    CHECK(log_in(server, "user1", "wrong").starts_with("-ERR [AUTH]"));
    CHECK(log_in(server, "user2", "pass2").starts_with("+OK"));
    CHECK(server.client().many("CAPA").find("LOGIN-DELAY 3600") != std::string::npos);
}

TEST_CASE("max-per-user limits the shared sessions of one user") {
    Server server{2, {"--sessions", "shared", "--max-per-user", "2"}};
    Pop3Client one = server.session(), two = server.session(), other = server.session(2);
    CHECK(log_in(server, "user1", "pass1").starts_with("-ERR [SYS/TEMP]"));
    two.quit();
    CHECK(eventually([&] { return log_in(server, "user1", "pass1").starts_with("+OK"); }));
}

TEST_CASE("unlisted users log in through a checkpassword program") {
    TempDirectory directory;
    const std::string program = directory.script("check", R"sh(
case "$(tr '\0' '\n' <&3 | head -2 | tr '\n' ' ')" in
"ana right ") exec "$@" ;;
"ana busy ") exit 111 ;;
"../user1 right ") exec "$@" ;;
esac
exit 1
)sh");
    Server server{1, {"--checkpassword", program}};
    CHECK(log_in(server, "ana", "wrong").starts_with("-ERR [AUTH]"));
    CHECK(log_in(server, "bob", "right").starts_with("-ERR [AUTH]"));
    CHECK(log_in(server, "ana", "busy").starts_with("-ERR [SYS/TEMP]"));
    CHECK(log_in(server, "../user1", "right").starts_with("-ERR"));
    CHECK_FALSE(std::filesystem::exists(server.root() + "/bob"));
    CHECK_FALSE(std::filesystem::exists(server.root() + "/ana"));
    CHECK(log_in(server, "ana", "right").starts_with("+OK"));
    CHECK(std::filesystem::exists(server.root() + "/ana/cur"));
    CHECK(log_in(server, "user1", "pass1").starts_with("+OK"));
}

TEST_CASE("UNDL and FREE know a checkpassword user after a correct password, even if that login was refused") {
    TempDirectory directory;
    const std::string program = directory.script("check", R"sh(
[ "$(tr '\0' '\n' <&3 | sed -n 2p)" = right ] && exec "$@"
exit 1
)sh");
    Server server{1, {"--checkpassword", program, "--undelete-grace", "1", "--uidl-breaker", "0", "-a", "root:s3cr3t"}};
    ManagementClient manager = server.manager();
    (void)manager.ask("AUTH root s3cr3t");
    const std::string nobody = "-ERR no such user, or one who has not logged in since the server was started";
    CHECK(log_in(server, "ana", "wrong").starts_with("-ERR [AUTH]"));
    for (const char* command : {"UNDL ana", "FREE ana", "UNDL user2"}) CHECK(manager.command(command) == nobody);
    const Maildir maildir = server.maildir("ana");
    (void)maildir.deliver("1700000001.M1P1.h", "Subject: x\n\n");
    {
        Pop3Client client = server.client();
        client.login("ana", "right");
        CHECK(client.command("DELE 1").starts_with("+OK"));
        client.quit();
    }
    CHECK(maildir.messages().empty());
    CHECK(manager.command("UNDL ana") == "+OK 1");
    CHECK(maildir.messages().size() == 1);
    // Eva is known only because she gave her password: the breaker lets her in only after FREE.
    const Maildir other = server.maildir("eva");
    (void)other.deliver("1700000002.M1P1.h", "Subject: x\n\n");
    CHECK(manager.command("FREE eva") == nobody);
    // First with Dovecot's ids, then without; then the first list replaces the second.
    write(other.path() / "dovecot-uidlist", "3 V77\n1 :1700000002.M1P1.h\n");
    CHECK(log_in(server, "eva", "right").starts_with("+OK"));
    const std::string list = read_whole(other.path() / "buzon-uidl");
    for (const char* file : {"dovecot-uidlist", "buzon-uidl", "buzon-index"})
        std::filesystem::remove(other.path() / file);
    CHECK(log_in(server, "eva", "right").starts_with("+OK"));
    write(other.path() / "buzon-uidl", list);
    (void)other.deliver("1700000003.M1P1.h", "Subject: x\n\n");
    Server::Setup again;
    again.arguments = {"-d", server.root(), "--checkpassword", program, "--uidl-breaker", "0", "-a", "root:s3cr3t"};
    again.own_root = true;
    Server fresh{again};
    ManagementClient second = fresh.manager();
    (void)second.ask("AUTH root s3cr3t");
    CHECK(second.command("FREE eva") == nobody);
    CHECK(log_in(fresh, "eva", "right").starts_with("-ERR [SYS/TEMP]"));
    CHECK(second.command("FREE eva").starts_with("+OK"));
    CHECK(log_in(fresh, "eva", "right").starts_with("+OK"));
}

TEST_CASE("a changed users file is read again, and a broken one is ignored") {
    TempDirectory directory;
    const std::string users = directory.file("users", "ana:{PLAIN}one\n");
    Server server{0, {"--users", users}};
    CHECK(log_in(server, "ana", "one").starts_with("+OK"));
    write(users, "ana:{PLAIN}two\nbob:{PLAIN}three\n");
    CHECK(eventually([&] { return log_in(server, "ana", "two").starts_with("+OK"); }));
    CHECK(log_in(server, "bob", "three").starts_with("+OK"));
    CHECK(log_in(server, "ana", "one").starts_with("-ERR [AUTH]"));
    write(users, "ana:{PLAIN}four\n:{PLAIN}x\n");
    CHECK(server.logs("line 2"));
    CHECK(log_in(server, "ana", "two").starts_with("+OK"));
    // Replaced as a whole, as editors do.
    write(users + ".new", "ana:{PLAIN}five\n");
    std::filesystem::rename(users + ".new", users);
    CHECK(eventually([&] { return log_in(server, "ana", "five").starts_with("+OK"); }));
}

TEST_CASE("SIGHUP reloads the settings, and a broken config file changes nothing") {
    TempDirectory directory;
    const std::string config = directory.file("config", "login-delay = 0\nmax-per-ip = 9\n");
    Server server{1, {"--config", config}};
    CHECK(server.client().many("CAPA").find("LOGIN-DELAY") == std::string::npos);
    write(config, "login-delay = 77\n");
    server.process().signal(SIGHUP);
    CHECK(eventually([&] { return server.client().many("CAPA").find("LOGIN-DELAY 77") != std::string::npos; }));
    write(config, "login-delay = 88\nno-such-thing = 1\n");
    server.process().signal(SIGHUP);
    CHECK(server.logs("line 2"));
    CHECK(server.client().many("CAPA").find("LOGIN-DELAY 77") != std::string::npos);
}

TEST_CASE("SIGHUP switches to another users file, other fronts and another checkpassword program") {
    TempDirectory directory;
    const std::string first = directory.file("first", "ana:{PLAIN}one\n"),
                      second = directory.file("second", "bea:{PLAIN}two\n");
    const std::string program =
        directory.script("check", "[ \"$(tr '\\0' '\\n' <&3 | head -1)\" = eva ] && exec \"$@\"\nexit 1");
    const std::string config = directory.file("config", "users = " + first + "\n");
    Server server{0, {"--config", config}};
    CHECK(log_in(server, "ana", "one").starts_with("+OK"));
    CHECK(log_in(server, "eva", "any").starts_with("-ERR [AUTH]"));
    // A broken users file keeps all the old settings, whatever else has changed.
    write(second, "bea:{PLAIN}two\nbea:{PLAIN}three\n");
    const std::string fresh = "users = " + second + "\nproxy-from = 127.0.0.7\ncheckpassword = " + program + "\n";
    write(config, fresh);
    server.process().signal(SIGHUP);
    CHECK(server.logs("second: line 2"));
    CHECK(log_in(server, "ana", "one").starts_with("+OK"));
    write(second, "bea:{PLAIN}two\n");
    server.process().signal(SIGHUP);
    CHECK(eventually([&] { return log_in(server, "bea", "two").starts_with("+OK"); }));
    CHECK(log_in(server, "ana", "one").starts_with("-ERR [AUTH]"));
    if (::geteuid() != 0) CHECK(log_in(server, "eva", "any").starts_with("+OK")); // as root it needs a restart
    LineClient client = through_front(server, "203.0.113.9");
    CHECK(log_in(client, "bea", "two").starts_with("+OK"));
    CHECK(server.logs("ip=203.0.113.9"));
    // The second file is watched now, and a transformation in it takes effect at once.
    (void)client.command("QUIT");
    Maildir{server.root() + "/bea"}.deliver("1.M1P1.x", "a\n");
    write(second, "bea:{PLAIN}four::::::buzon_transform=\"/usr/bin/tr a b\"\n");
    CHECK(eventually([&] { return log_in(server, "bea", "four").starts_with("+OK"); }));
    Pop3Client reader = server.client();
    reader.login("bea", "four");
    CHECK(reader.retrieve(1) == "b\r\n");
}
