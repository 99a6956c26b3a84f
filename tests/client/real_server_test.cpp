// The client in a pseudo-terminal with the real server: the screens that a person sees. Corner cases, and servers that
// misbehave, are in prompt_test and screen_test.
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <memory>

#include "buzon/posix/io.h"
#include "program.h"
#include "support/catch.h"
#include "system/server.h"

using buzon::test::Pop3Client;
using buzon::test::Server;

namespace {

const std::string mail = "Subject: x\n\n" + std::string(300, 'y') + '\n';

std::vector<std::string> to(const Server& server, std::vector<std::string> words) {
    words.insert(words.begin(), {"127.0.0.1", std::to_string(server.management_port())});
    return words;
}

std::size_t row_of(const Screen& screen, std::string_view part) {
    std::size_t row = 0;
    while (row < 40 && screen.row(row).find(part) == std::string::npos) ++row;
    return row;
}

bool shows(const TerminalClient& terminal, std::string_view part) {
    return terminal.screen().text().find(part) != std::string::npos;
}

// Types a line at the prompt and waits for the next prompt.
void say(TerminalClient& terminal, const std::string& line, std::string_view answer) {
    terminal.type(line + '\r');
    terminal.wait_for(answer);
    terminal.wait_cursor("> |");
}

} // namespace

TEST_CASE("top shows what the real server does, in a window of any size") {
    buzon::test::TempDirectory directory;
    const Server server{3, {"-T", directory.script("slow", "cat; sleep 600")}};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", mail);
    Pop3Client waiting = server.session(1), idle = server.session(2), nobody = server.client();
    waiting.send("RETR 1\r\n");
    TerminalClient terminal{to(server, {"top"})};
    terminal.wait_for("running 1   queued 0   started 1   failed 0    slow 1");
    CHECK(buzon::test::eventually([&] { // until it has subscribed
        server.session(3).quit();
        terminal.look();
        return shows(terminal, "  login     user3 session=");
    }));
    Pop3Client late = server.session(3);
    // Each number is requested separately, so for a moment one may be older than another.
    const auto all_four = [&] {
        return shows(terminal, " open 4 ") && shows(terminal, " online 3 ") && shows(terminal, " 4 sessions");
    };
    terminal.wait_until(all_four, "four sessions");
    const Screen& screen = terminal.screen();
    CHECK(screen.row(0).starts_with(" buzon 127.0.0.1:" + std::to_string(server.management_port()) + "   version "));
    CHECK(screen.row(1).starts_with(" busy "));
    CHECK(screen.row(2).find("RETR 1") != std::string::npos);
    CHECK(screen.row(3).starts_with(" messages/s "));
    CHECK(screen.row(9).starts_with(" workers  jobs "));
    CHECK(screen.row(10).starts_with(" ID  USER   ADDRESS  "));
    for (const auto& [user, state] : {std::pair{"user1", " RETR     slow "}, std::pair{"user2", " transact"},
                                      std::pair{"user3", " transact"}, std::pair{" 3  - ", " authoriz"}}) {
        CAPTURE(screen.text());
        const std::string row = screen.row(row_of(screen, user));
        CHECK(row.find(" 127.0.0.1:") != std::string::npos);
        CHECK(row.find(state) != std::string::npos);
    }
    CHECK(screen.row(23) == " q quit   h help   by load   4 sessions   every 1 s");
    CHECK_FALSE(screen.overflowed());

    terminal.resize(40, 132);
    terminal.wait_for("  AGE  IDLE");
    terminal.wait_for(" 4 sessions");
    CHECK(screen.row(39).starts_with(" q quit "));
    CHECK_FALSE(screen.overflowed());
    terminal.resize(6, 30);
    terminal.wait_for(" q quit   h help   by load");
    CHECK_FALSE(screen.overflowed());
    terminal.resize(24, 80);
    terminal.wait_for(" LOGINS");

    waiting.reset(); // the program ends with its session
    terminal.wait_for("running 0");
    terminal.wait_for(" 3 sessions");
    CHECK_FALSE(shows(terminal, "user1 "));
    terminal.type("q");
    CHECK(terminal.wait_end() == 0);
    CHECK_FALSE(screen.alternate());
    CHECK(terminal.mode_is_usual());
    CHECK(screen.unknown().empty());
}

TEST_CASE("plot draws the real history, and writes it as CSV without a terminal") {
    const Server server{1};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", mail);
    Pop3Client client = server.session();
    for (int i = 0; i < 3; ++i) (void)client.retrieve(1);
    TerminalClient terminal{to(server, {"plot", "messages", "week"})};
    CHECK(terminal.wait_end() == 0);
    const Screen& screen = terminal.screen();
    CHECK(screen.row(0).starts_with("messages by week, 20"));
    CHECK(screen.row(0).ends_with(" UTC"));
    CHECK(screen.row(1) == "     4 \xE2\x94\xA4");
    // One of at least 16 weeks, three quarters high. The week is not over, so its bar is hatched.
    for (std::size_t row = 1; row <= 16; ++row) {
        CAPTURE(row, screen.row(row));
        const bool drawn = screen.row(row).size() > 10;
        CHECK(drawn == (row >= 5));
        CHECK(screen.row(row).find("\xE2\xA3\xBF") == std::string::npos);
    }
    CHECK(screen.row(17).starts_with("       \xE2\x94\x94"));
    CHECK(screen.row(19) == "current week 3");

    const Finished csv = run_client(to(server, {"plot", "messages", "week"}));
    CHECK(csv.code == 0);
    CHECK(csv.out.starts_with("time,value\n20"));
    CHECK(csv.out.ends_with("T00:00:00Z,3\n"));
    CHECK(run_client(to(server, {"plot", "no-such-metric"})).code == 1);
    CHECK(run_client(to(server, {"plot", "messages", "year"})).code == 64);
}

TEST_CASE("a person at the prompt queries the real server, corrects a typo, and leaves") {
    const Server server{2};
    (void)server.maildir("user1").deliver("1700000001.M1P1.h", mail);
    Pop3Client client = server.session();
    (void)client.retrieve(1);
    TerminalClient terminal{to(server, {})};
    terminal.wait_cursor("buzon 127.0.0.1:" + std::to_string(server.management_port()) + "> |");
    say(terminal, "METX\x7fR", "historic    1");
    CHECK(shows(terminal, "messages    1\n"));
    say(terminal, "TRAN", "off");
    say(terminal, "TRAN 1", "-ERR no program has been set");
    say(terminal, "PORT", std::to_string(server.port()));
    say(terminal, "SESS", "transaction");
    say(terminal, "KICK 1", "-ERR [AUTH] for administrators only, and none is configured: start the server wi");
    terminal.type("\x1b[A\x1b[A"); // twice back in the history
    terminal.wait_cursor("> SESS|");
    terminal.type("\x03");
    terminal.wait_cursor("> |");
    terminal.type("HIST mess\tminute\r");
    terminal.wait_for("> HIST messages minute\n20");
    terminal.wait_cursor("> |");
    terminal.type("EVNT login logout\r");
    CHECK(buzon::test::eventually([&] { // until it has subscribed
        server.session(2).quit();
        terminal.look();
        return shows(terminal, " logout ") || shows(terminal, "logout  ");
    }));
    terminal.type("\x03"); // ends the view, not the client
    terminal.wait_cursor("> |");
    terminal.type("\x04");
    CHECK(terminal.wait_end() == 0);
    CHECK(terminal.mode_is_usual());
    CHECK(terminal.screen().unknown().empty());
}

TEST_CASE("a manager sees the sample POP3 session at the demo server, with a single command and at the prompt") {
    Server::Setup setup;
    setup.arguments = {"--default"};
    setup.own_addresses = true;
    setup.own_root = true;
    const Server server{setup};
    Pop3Client client = server.client();
    CHECK(client.command("USER user1") == "+OK User accepted, password needed");
    CHECK(client.command("PASS pass") == "-ERR [AUTH] Password incorrect");
    CHECK(client.command("USER user1") == "+OK User accepted, password needed");
    CHECK(client.command("PASS pass1") == "+OK Password accepted");
    CHECK(client.command("STAT") == "+OK 1 324");
    CHECK(client.retrieve(1).size() == 324);
    CHECK(client.command("QUIT") == "+OK Goodbye");
    const std::string port = std::to_string(server.management_port());
    const auto once = run_client({"::1", port, "METR"});
    CHECK(once.code == 0);
    CHECK(once.out.starts_with("messages    1\nbytes     "));
    CHECK(once.out.ends_with("\nonline      0\nhistoric    1\n"));

    TerminalClient terminal{{"::1", port}};
    terminal.wait_cursor("buzon [::1]:" + port + "> |");
    say(terminal, "METR", "historic    1");
    say(terminal, "INFO", "basedir  /");
    say(terminal, "HOST correo.example.org", "correo.example.org");
    say(terminal, "TRAN", "off");
    say(terminal, "PORT 0", "> PORT 0\n");
    CHECK(Pop3Client{"127.0.0.1", static_cast<std::uint16_t>(std::stoi(run_client({"::1", port, "PORT"}).out))}
              .greeting()
              .find("@correo.example.org>") != std::string::npos);
    terminal.type("QUIT\r");
    CHECK(terminal.wait_end() == 0);
}

TEST_CASE("when the real server is killed, top and the prompt exit with 69 and restore the terminal") {
    for (const bool top : {true, false}) {
        CAPTURE(top);
        Server server{1};
        server.expect_no_clean_end();
        std::vector<std::string> words = to(server, top ? std::vector<std::string>{"top"} : std::vector<std::string>{});
        words.insert(words.begin(), "--timeout=1"); // how long to look for it
        TerminalClient terminal{words};
        if (top)
            terminal.wait_for(" LOGINS");
        else
            terminal.wait_cursor("> |");
        server.process().signal(SIGKILL);
        CHECK(terminal.wait_end() == 69);
        CHECK(terminal.mode_is_usual());
        CHECK_FALSE(terminal.screen().alternate());
        CHECK(terminal.everything().find("client: 127.0.0.1:" + std::to_string(server.management_port()) + ": ") !=
              std::string::npos);
    }
}

TEST_CASE("the prompt and top reconnect to a server that is restarted, and say so") {
    for (const bool top : {true, false}) {
        CAPTURE(top);
        auto server = std::make_unique<Server>(1);
        const std::string port = std::to_string(server->management_port());
        TerminalClient terminal{to(*server, top ? std::vector<std::string>{"top"} : std::vector<std::string>{})};
        if (top)
            terminal.wait_for(" LOGINS");
        else
            say(terminal, "METR online", "METR online\n0\n");
        server->process().signal(SIGTERM);
        CHECK(server->process().wait() == 0);
        server->expect_no_clean_end();
        Server::Setup again;
        again.arguments = {"-l", "127.0.0.1", "-p", "0", "-L", "127.0.0.1", "-P", port, "-u", "user1:pass1"};
        again.own_addresses = true;
        const Server second{again};
        terminal.wait_for("reconnected");
        if (top) {
            terminal.type("q");
        } else {
            terminal.wait_cursor("> |");
            say(terminal, "METR historic", "METR historic\n0\n");
            terminal.type("\x04");
        }
        CHECK(terminal.wait_end() == 0);
        CHECK(terminal.mode_is_usual());
    }
}

TEST_CASE("with three thousand sessions, SESS lists each, in a pager on a terminal, and top stays usable") {
    constexpr rlim_t enough = 8192; // for us, and for the server
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    if (before.rlim_max < enough) {
        WARN("the limit on open files is too low for three thousand sessions");
        return;
    }
    const rlimit more{std::max(before.rlim_cur, enough), before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &more) == 0);
    {
        constexpr std::size_t count = 3000;
        const Server server{1};
        std::vector<Pop3Client> sessions;
        for (std::size_t i = 0; i < count; ++i) sessions.push_back(server.client());
        CHECK(buzon::test::eventually([&] {
            return run_client(to(server, {"METR", "connections-open"})).out == "3000\n";
        }));
        const Finished listed = run_client(to(server, {"SESS"}));
        CHECK(static_cast<std::size_t>(std::count(listed.out.begin(), listed.out.end(), '\n')) == count + 1);
        TerminalClient paged{to(server, {"SESS"}),
                             24,
                             80,
                             TerminalClient::Parent::test,
                             {"TERM=xterm", "PATH=/usr/bin:/bin", "PAGER=wc -l"}};
        CHECK(paged.wait_end() == 0);
        CHECK(paged.screen().text() == "3001\n");

        TerminalClient top{to(server, {"top"})};
        top.wait_for(" sessions 3000   authorization 3000");
        top.wait_for("   3000 sessions   every 1 s");
        top.type("\x1b[F"); // End: the last one
        top.wait_for(">3000 ");
        top.type("/:99999\r");
        top.wait_for(" 0 of 3000 sessions with :99999");
        top.type("q");
        CHECK(top.wait_end() == 0);
        CHECK_FALSE(top.screen().overflowed());
    }
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}

TEST_CASE("a session over TLS is marked in SESS, in JSON and in top") {
    buzon::test::TempDirectory files;
    const std::string key = files / "key", certificate = files / "certificate", both = files / "both";
    REQUIRE(buzon::test::run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                              "-nodes", "-keyout", key, "-out", certificate, "-days", "30", "-subj", "/CN=localhost"})
                .code == 0);
    std::ofstream{both} << std::ifstream{key}.rdbuf() << std::ifstream{certificate}.rdbuf();
    const Server server{2, {"--tls-cert", both, "--tls-port", "0"}};
    std::string address;
    REQUIRE(buzon::test::eventually([&] { // until the TLS program serves
        const std::string all = run_client(to(server, {"INFO", "ALL"})).out;
        const std::size_t at = all.find("\ntls ");
        if (at == std::string::npos) return false;
        address = all.substr(all.find("127.0.0.1:", at), all.find('\n', at + 1) - all.find("127.0.0.1:", at));
        return server.client().many("CAPA").find("STLS") != std::string::npos;
    }));
    auto pipe = std::move(buzon::posix::make_pipe(false)).value();
    buzon::test::Launch launch{{"openssl", "s_client", "-quiet", "-connect", address}};
    launch.standard[0] = pipe.read_end.get();
    const buzon::test::Process encrypted{launch};
    REQUIRE_FALSE(buzon::posix::write_all(pipe.write_end.get(), "USER user2\r\nPASS pass2\r\n"));
    Pop3Client plain = server.session(1);
    std::vector<std::string> raw = to(server, {"SESS"});
    raw.insert(raw.begin(), "--raw");
    const auto row_of_user = [&](const std::string& user) {
        const std::string all = run_client(raw).out;
        const std::size_t at = all.find(' ' + user + ' ');
        return at == std::string::npos ? "" : all.substr(at, all.find('\n', at) - at);
    };
    CHECK(buzon::test::eventually([&] { return row_of_user("user2").ends_with(" tls"); }));
    CHECK(row_of_user("user1").ends_with(" program=-"));
    std::vector<std::string> json = to(server, {"SESS"});
    json.insert(json.begin(), "--json");
    CHECK(run_client(json).out.find(R"("user":"user2")") != std::string::npos);
    CHECK(run_client(json).out.find(R"("tls":true)") != std::string::npos);
    CHECK(run_client(json).out.find(R"("tls":false)") != std::string::npos);
    TerminalClient top{to(server, {"top"}), 24, 120};
    top.wait_for(" sessions 2   transaction 2   tls 1");
    CHECK(top.screen().row(row_of(top.screen(), "user2")).ends_with("  tls"));
    CHECK(top.screen().row(row_of(top.screen(), "user1")).ends_with("  -"));
    top.type("q");
    CHECK(top.wait_end() == 0);
}
