// The client in a pseudo-terminal against the real server: the screens that a person sees. Its odd moments, and servers
// that misbehave, are in prompt_test and screen_test.
#include <csignal>

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
    terminal.wait_for("running 1   queued 0   started 1   failed 0");
    CHECK(buzon::test::eventually([&] { // until it listens
        server.session(3).quit();
        terminal.look();
        return shows(terminal, "  login      user3            session=");
    }));
    Pop3Client late = server.session(3);
    // Each number is asked for by itself: for a moment one may be older than the other.
    const auto all_four = [&] {
        return shows(terminal, " connections 4 ") && shows(terminal, " online            3") &&
               shows(terminal, " 4 sessions");
    };
    terminal.wait_until(all_four, "four sessions");
    const Screen& screen = terminal.screen();
    CHECK(screen.row(0).starts_with(" buzon 127.0.0.1:" + std::to_string(server.management_port()) + "   up "));
    CHECK(screen.row(1).starts_with(" connections 4   refused 0   memory "));
    CHECK(screen.row(1).find("   jobs ") != std::string::npos);
    CHECK(screen.row(2).starts_with(" messages/s "));
    CHECK(screen.row(5).starts_with(" online            3"));
    CHECK(screen.row(7) == " ID     USER       ADDRESS              STATE  CMD    SENT   OF OCT/S QUEUE  AGE");
    for (const auto& [user, state] : {std::pair{"user1", " open   RETR "}, std::pair{"user2", " open "},
                                      std::pair{"user3", " open "}, std::pair{" - ", " login "}}) {
        CAPTURE(screen.text());
        const std::string row = screen.row(row_of(screen, user));
        CHECK(row.find(" 127.0.0.1:") != std::string::npos);
        CHECK(row.find(state) != std::string::npos);
    }
    CHECK(screen.row(23) == " q quits   s sorts (by load)   arrows scroll   4 sessions");
    CHECK_FALSE(screen.overflowed());

    terminal.resize(40, 132);
    terminal.wait_for("OCT/S QUEUE  AGE FILTER");
    terminal.wait_for(" 4 sessions");
    CHECK(screen.row(39).starts_with(" q quits "));
    CHECK(screen.row(row_of(screen, "user1")).ends_with(" slow")); // what it waits for
    CHECK_FALSE(screen.overflowed());
    terminal.resize(6, 30);
    terminal.wait_for(" q quits   s sorts (by load)");
    CHECK_FALSE(screen.overflowed());
    terminal.resize(24, 80);
    terminal.wait_for(" LOGINS");

    waiting.reset(); // the program is ended with its session
    terminal.wait_for("running 0");
    terminal.wait_for(" 3 sessions");
    CHECK_FALSE(shows(terminal, "user1 "));
    terminal.type("q");
    CHECK(terminal.wait_end() == 0);
    CHECK_FALSE(screen.alternate());
    CHECK(terminal.mode_is_usual());
    CHECK(screen.unknown().empty());
}

TEST_CASE("plot draws the real history, and writes it as CSV where there is no terminal") {
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
    // One week of at least sixteen, three quarters high. It still runs: what there is of it is hatched.
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

TEST_CASE("a person at the prompt asks the real server, mends a typing mistake, and leaves") {
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
    say(terminal, "KICK 1", "-ERR [AUTH] for administrators only");
    terminal.type("\x1b[A\x1b[A"); // twice back in the history
    terminal.wait_cursor("> SESS|");
    terminal.type("\x03");
    terminal.wait_cursor("> |");
    terminal.type("HIST mess\tminute\r");
    terminal.wait_for("> HIST messages minute\n20");
    terminal.wait_cursor("> |");
    terminal.type("EVNT login logout\r");
    CHECK(buzon::test::eventually([&] { // until it listens
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

TEST_CASE(
    "the sample session of POP3, and what a manager sees of it at the demo server, by one command and at the prompt") {
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

TEST_CASE("a real server that is killed ends top and the prompt with 69 and the terminal in order") {
    for (const bool top : {true, false}) {
        CAPTURE(top);
        Server server{1};
        server.expect_no_clean_end();
        TerminalClient terminal{to(server, top ? std::vector<std::string>{"top"} : std::vector<std::string>{})};
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
