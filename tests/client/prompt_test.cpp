// bin/client in a pseudo-terminal: what a person sees, and the terminal's state afterwards.
#include <csignal>
#include <fstream>
#include <iterator>
#include <regex>

#include "fake_server.h"
#include "program.h"
#include "support/catch.h"
#include "support/process.h"
#include "support/temp_directory.h"

namespace {

const Replies usual_replies = {{"METR", "+OK 41;5000;2;7\r\n"},
                               {"METR *", "+OK\r\nmessages 41\r\nmemory 5000\r\n.\r\n"},
                               {"CONF", "+OK\r\ntimeout 600\r\nlogin-timeout 60\r\n.\r\n"},
                               {"CONF LOGIN-TIMEOUT", "+OK 60\r\n"},
                               {"EVNT", "@live"},
                               {"SLOW", "@silent"},
                               {"LOGG", "+OK\r\n\x1b[2Jx\r\n.\r\n"},
                               {"AUTH ROOT SECRET", "+OK welcome\r\n"},
                               {"USER ADD EVA SECRET", "+OK added\r\n"}};

struct PromptBench {
    FakeServer server{usual_replies};
    TerminalClient terminal;
    std::string prompt = "buzon 127.0.0.1:" + server.port() + ">";

    using Parent = TerminalClient::Parent;
    explicit PromptBench(std::vector<std::string> front = {}, std::size_t columns = 80, Parent parent = Parent::test)
        : terminal{arguments(std::move(front)), 24, columns, parent} {}

    std::vector<std::string> arguments(std::vector<std::string> front) const {
        front.insert(front.end(), {"127.0.0.1", server.port()});
        return front;
    }
    void ready() { terminal.wait_cursor(prompt + " |"); }
    void shows(const std::string& line) { terminal.wait_cursor(prompt + ' ' + line); }
};

} // namespace

TEST_CASE("a command typed at the prompt is run and the prompt comes back") {
    PromptBench bench;
    bench.ready();
    bench.terminal.type("METR\r");
    bench.terminal.wait_for("historic     7\n" + bench.prompt);
    CHECK(bench.terminal.screen().text() == bench.prompt +
                                                " METR\n"
                                                "messages    41\nbytes     4.9k\nonline       2\nhistoric     7\n" +
                                                bench.prompt + "\n");
    bench.terminal.type("QUIT\r");
    CHECK(bench.terminal.wait_end() == 0);
    CHECK(bench.terminal.mode_is_usual());
    CHECK(bench.terminal.screen().unknown().empty());
}

TEST_CASE("a dumb terminal gets the prompt, too, and no escape sequences") {
    const FakeServer server{usual_replies};
    TerminalClient dumb{{"127.0.0.1", server.port()}, 24, 80, TerminalClient::Parent::test, {"TERM=dumb"}};
    const std::string prompt = "buzon 127.0.0.1:" + server.port() + ">";
    dumb.wait_cursor(prompt + " |");
    dumb.type("  METR\n");
    dumb.wait_for("historic     7\n" + prompt);
    dumb.type("\x04");
    CHECK(dumb.wait_end() == 0);
    CHECK(dumb.mode_is_usual());
    CHECK(dumb.everything().find('\x1b') == std::string::npos);
}

TEST_CASE("leaving the prompt with QUIT or Ctrl-D exits with 0, even after a refused command") {
    for (const char* kind : {"TERM=xterm", "TERM=dumb", "NO_TERM=1"}) {
        for (const char* leaving : {"QUIT\r", "\x04"}) {
            CAPTURE(kind, leaving);
            const FakeServer server{usual_replies};
            TerminalClient terminal{{"127.0.0.1", server.port()}, 24, 80, TerminalClient::Parent::test, {kind}};
            terminal.wait_cursor("> |");
            terminal.type("WHAT\r");
            terminal.wait_for("-ERR unknown command\n");
            terminal.wait_cursor("> |");
            terminal.type(leaving);
            CHECK(terminal.wait_end() == 0);
        }
    }
}

TEST_CASE("arrows, Home, End and Ctrl keys edit the line that is sent") {
    PromptBench bench;
    bench.ready();
    bench.terminal.type("ETx\x7fR\x01M");
    bench.shows("M|ETR");
    bench.terminal.type("\r");
    bench.terminal.wait_for("messages");
    bench.ready();
    bench.terminal.type("\x1b[A");
    bench.shows("METR|");
    bench.terminal.type("\x15"
                        "1\x1b[H\x1b[3~NOOP\x1b[F\r");
    bench.terminal.wait_for("done\n");
    bench.terminal.type("\x04");
    CHECK(bench.terminal.wait_end() == 0);
    CHECK(bench.server.heard() == "METR\nNOOP\nQUIT\n");
}

TEST_CASE("accented letters take one column") {
    PromptBench bench;
    bench.ready();
    bench.terminal.type("HOST a\xC3\xB1o\x1b[D");
    bench.shows("HOST a\xC3\xB1|o");
    bench.terminal.type("\x7f");
    bench.shows("HOST a|o");
}

TEST_CASE("Ctrl-C drops the line and Ctrl-D on an empty one leaves") {
    PromptBench bench;
    bench.ready();
    bench.terminal.type("KICK 7\x03");
    bench.terminal.wait_for("KICK 7^C");
    bench.ready();
    bench.terminal.type("\x04");
    CHECK(bench.terminal.wait_end() == 0);
    CHECK(bench.server.heard() == "QUIT\n");
    CHECK(bench.terminal.mode_is_usual());
}

TEST_CASE("if the server is killed, the prompt names it, exits with 69 and restores the terminal") {
    PromptBench bench;
    bench.ready();
    bench.terminal.type("ME");
    bench.shows("ME|");
    bench.server.kill();
    CHECK(bench.terminal.wait_end() == 69);
    CHECK(bench.terminal.mode_is_usual());
    CHECK(bench.terminal.screen().row(1).find("client: 127.0.0.1:") == 0);
}

TEST_CASE("signals end the client, and the terminal is restored") {
    for (const int number : {SIGTERM, SIGHUP, SIGINT, SIGQUIT}) {
        PromptBench bench;
        bench.ready();
        bench.terminal.signal(number);
        CHECK(bench.terminal.wait_end() == 128 + number);
        CHECK(bench.terminal.mode_is_usual());
    }
}

TEST_CASE("the terminal is restored even after a crash") {
    PromptBench bench;
    bench.ready();
    CHECK_FALSE(bench.terminal.mode_is_usual());
    bench.terminal.signal(SIGABRT);
    CHECK(bench.terminal.wait_end() == 128 + SIGABRT);
    CHECK(bench.terminal.mode_is_usual());
}

TEST_CASE("Ctrl-C during a command returns to the shell") {
    PromptBench bench;
    bench.ready();
    bench.terminal.type("SLOW\r");
    bench.terminal.wait_for("SLOW\n");
    bench.terminal.type("\x03");
    CHECK(bench.terminal.wait_end() == 69);
    CHECK(bench.terminal.mode_is_usual());
}

TEST_CASE("live events run until Ctrl-C or Enter, and then the prompt returns") {
    for (const char* end : {"\x03", "\r"}) {
        PromptBench bench;
        bench.ready();
        bench.terminal.type("EVNT\r");
        bench.terminal.wait_for(".2026 dots");
        bench.terminal.type(end);
        bench.ready();
        bench.terminal.type("METR\r");
        bench.terminal.wait_for("messages");
        bench.terminal.type("\x04");
        CHECK(bench.terminal.wait_end() == 0);
        CHECK(bench.server.heard() == "EVNT\n\nMETR\nQUIT\n");
    }
}

TEST_CASE("Tab completes verbs and the server's names of metrics and settings") {
    PromptBench bench;
    bench.ready();
    bench.terminal.type("me\t");
    bench.shows("METR |");
    bench.terminal.type("me\t");
    bench.shows("METR me|");
    bench.terminal.type("\t");
    bench.terminal.wait_for("memory    messages\n");
    bench.terminal.type("s\t\x15"
                        "conf l\t");
    bench.shows("conf login-timeout |");
    bench.terminal.type("\r");
    bench.terminal.wait_for("\n1m\n");
}

TEST_CASE("a pasted script waits for Enter, and then runs line by line") {
    PromptBench bench;
    bench.ready();
    bench.terminal.type("\x1b[200~METR\nNOOP\nCONF\tlogin-timeout\n\x1b[201~");
    bench.terminal.wait_for("(3 pasted lines: Enter runs them, Ctrl-C drops them)");
    CHECK(bench.server.heard().empty());
    bench.terminal.type("\r");
    bench.terminal.wait_for("\n1m\n");
    bench.terminal.type("\x04");
    CHECK(bench.terminal.wait_end() == 0);
    CHECK(bench.server.heard() == "METR\nNOOP\nCONF login-timeout\nQUIT\n");
}

TEST_CASE("passwords are not echoed when asked for, and never enter the history") {
    PromptBench bench;
    bench.ready();
    bench.terminal.type("NOOP\r");
    bench.terminal.wait_for("done\n");
    bench.terminal.type("AUTH root\r");
    bench.terminal.wait_cursor("Password: |");
    bench.terminal.type("sexx\x7f\x7f"
                        "cret\r");
    bench.terminal.wait_for("welcome");
    bench.terminal.type("USER ADD eva secret\r");
    bench.terminal.wait_for("added");
    bench.terminal.type("\x1b[A");
    bench.terminal.wait_cursor("buzon root@127.0.0.1:" + bench.server.port() + "> AUTH root|");
    bench.terminal.type("\x1b[A");
    bench.terminal.wait_cursor("> NOOP|");
    CHECK(bench.terminal.everything().find("sexx") == std::string::npos);
    CHECK(bench.terminal.everything().find("Password: \r\nwelcome") != std::string::npos);
}

TEST_CASE("the password for --auth is asked for on the terminal, without echo") {
    PromptBench bench{{"--auth", "root"}};
    bench.terminal.wait_cursor("Password: |");
    CHECK_FALSE(bench.terminal.mode_is_usual());
    bench.terminal.type("secret\r");
    bench.terminal.wait_cursor("buzon root@127.0.0.1:" + bench.server.port() + "> |");
    CHECK(bench.terminal.everything().find("secret") == std::string::npos);
    bench.terminal.type("\x04");
    CHECK(bench.terminal.wait_end() == 0);
    CHECK(bench.server.heard() == "AUTH root secret\nQUIT\n");
}

TEST_CASE("Ctrl-C at the password prompt exits with the echo restored") {
    PromptBench bench{{"--auth", "root"}};
    bench.terminal.wait_cursor("Password: |");
    bench.terminal.type("se\x03");
    CHECK(bench.terminal.wait_end() == 64);
    CHECK(bench.terminal.mode_is_usual());
    CHECK(bench.server.heard().empty());
}

TEST_CASE("the line is redrawn when the window size changes") {
    PromptBench bench{{}, 60};
    bench.ready();
    bench.terminal.type("CONF timeout 12345678901234567890123456789");
    bench.terminal.wait_cursor("9|");
    bench.terminal.resize(24, 40);
    bench.terminal.signal(SIGWINCH);
    bench.terminal.wait_cursor("56789|");
    CHECK_FALSE(bench.terminal.screen().overflowed());
    CHECK(bench.terminal.screen().row(0).size() < 40);
}

TEST_CASE("the server cannot send escape sequences to the terminal through the prompt") {
    PromptBench bench;
    bench.ready();
    bench.terminal.type("LOGG\r");
    bench.terminal.wait_for("\\x1b[2Jx");
    CHECK(bench.terminal.everything().find("\x1b[2J") == std::string::npos);
}

TEST_CASE("Ctrl-Z stops the client with the terminal restored, and it continues where it was") {
    PromptBench bench{{}, 80, TerminalClient::Parent::shell};
    bench.ready();
    bench.terminal.type("ME\x1a");
    bench.terminal.wait_for("\nstopped\n");
    bench.shows("ME|");
    bench.terminal.type("TR\r");
    bench.terminal.wait_for("historic");
    bench.terminal.type("\x04");
    CHECK(bench.terminal.wait_end() == 0);
    CHECK(bench.terminal.everything().find("raw mode") == std::string::npos);
}

TEST_CASE("input that is typed ahead after a password is not lost") {
    PromptBench bench{{"--auth", "root"}};
    bench.terminal.wait_cursor("Password: |");
    bench.terminal.type("secret\rMETR\r");
    bench.terminal.wait_for("historic");
    CHECK(bench.server.heard() == "AUTH root secret\nMETR\n");
}

TEST_CASE("a single pasted line waits for Enter, too, and a pasted block can be dropped") {
    PromptBench bench;
    bench.ready();
    bench.terminal.type("\x1b[200~METR\n\x1b[201~");
    bench.shows("METR|");
    bench.terminal.type("\x03\x1b[200~NOOP\nMETR\x1b[201~");
    bench.terminal.wait_for("(2 pasted lines");
    bench.shows("METR|");
    bench.terminal.type("\x03");
    bench.ready();
    bench.terminal.type("\x04");
    CHECK(bench.terminal.wait_end() == 0);
    CHECK(bench.server.heard() == "QUIT\n");
}

TEST_CASE("the history is kept in a file that only its owner can read, without passwords, and Ctrl-R searches it") {
    const buzon::test::TempDirectory directory;
    const std::string file = directory / "history";
    const FakeServer server{usual_replies};
    const auto start = [&] { return std::vector<std::string>{"127.0.0.1", server.port()}; };
    const std::vector<std::string> environment{"TERM=xterm", "BUZON_HISTORY=" + file};
    {
        TerminalClient terminal{start(), 24, 80, TerminalClient::Parent::test, environment};
        terminal.wait_cursor("> |");
        terminal.type("METR\rAUTH root secret\rCONF login-timeout\rNOOP\r\x04");
        CHECK(terminal.wait_end() == 0);
    }
    CHECK(buzon::test::run({"cat", file}).out == "METR\nCONF login-timeout\nNOOP\n");
    CHECK(buzon::test::run({"stat", "-c", "%a", file}).out == "600\n");
    TerminalClient terminal{start(), 24, 80, TerminalClient::Parent::test, environment};
    terminal.wait_cursor("> |");
    terminal.type("\x1b[A");
    terminal.wait_cursor("> NOOP|");
    terminal.type("\x12login");
    terminal.wait_cursor("search 'login': CONF login-timeout|");
    terminal.type("x");
    terminal.wait_cursor("not found 'loginx': CONF login-timeout|");
    terminal.type("\x7f\r");
    terminal.wait_for("\n1m\n");
    terminal.type("\x12o");
    terminal.wait_cursor("search 'o': CONF login-timeout|");
    terminal.type("\x03");
    terminal.wait_cursor("> |");
    terminal.type("\x04");
    CHECK(terminal.wait_end() == 0);
    CHECK(buzon::test::run({"chmod", "644", file}).code == 0);
    CHECK(buzon::test::run({"ln", "-s", file, directory / "link"}).code == 0);
    TerminalClient linked{
        start(), 24, 80, TerminalClient::Parent::test, {"TERM=xterm", "BUZON_HISTORY=" + (directory / "link")}};
    linked.wait_cursor("> |");
    linked.type("\x1b[ANOOP\r"); // a link is not followed: there is no history
    linked.wait_for("done");
    linked.type("\x04");
    CHECK(linked.wait_end() == 0);
}

TEST_CASE("after a blank, a hint shows what may follow, and never becomes part of the line") {
    PromptBench bench;
    bench.ready();
    bench.terminal.type("HIST ");
    bench.shows("HIST |metric minute|hour|day|week [count]");
    bench.terminal.type("bytes ");
    bench.shows("HIST bytes |minute|hour|day|week [count]");
    bench.terminal.type("\x15NOOP\r");
    bench.terminal.wait_for("done\n");
    bench.terminal.type("\x04");
    CHECK(bench.terminal.wait_end() == 0);
    CHECK(bench.server.heard() == "NOOP\nQUIT\n");
}

TEST_CASE("watch repeats a command until Enter") {
    PromptBench bench;
    bench.ready();
    bench.terminal.type("\\watch 1 METR\r");
    const auto twice = [&] {
        const std::string heard = bench.server.heard();
        return heard.find("METR\n", heard.find("METR\n") + 1) != std::string::npos;
    };
    bench.terminal.wait_until(twice, "a second METR");
    bench.terminal.type("\r");
    bench.ready();
    bench.terminal.type("\x0c\\watch 86400 METR\r\r"); // Enter before the first reply
    bench.terminal.wait_for("historic     7\n" + bench.prompt);
    for (const char* wrong : {"\\watch", "\\watch 5", "\\watch EVNT", "\\watch 1 QUIT"}) {
        bench.terminal.type(std::string{wrong} + '\r');
        bench.terminal.wait_for("repeats a command that ends by itself");
        bench.ready();
        bench.terminal.type("\x0c");
    }
}

TEST_CASE("after four minutes without a key, the prompt sends a NOOP, which is not shown") {
    PromptBench bench;
    bench.ready();
    const buzon::test::TempDirectory directory;
    const std::string trace = directory / "trace";
    const pid_t client = bench.terminal.pid();
    {
        // strace makes the next wait end at once, as if it had timed out.
        buzon::test::Process strace{{.argv = {"strace", "-qq", "-o", trace, "-e", "trace=?poll,ppoll", "-e",
                                              "inject=?poll,ppoll:retval=0:when=1", "-p", std::to_string(client)}}};
        REQUIRE(buzon::test::eventually([&] { return buzon::test::is_traced(client) || !strace.running(); }));
        REQUIRE(strace.running());
        REQUIRE(buzon::test::eventually([&] {
            bench.terminal.type("x"); // another wait
            return bench.server.heard() == "NOOP\n";
        }));
        strace.signal(SIGTERM);
        REQUIRE(strace.wait());
    }
    bench.terminal.type("\x15METR\r");
    bench.terminal.wait_for("historic     7\n" + bench.prompt);
    CHECK(bench.terminal.screen().text().find("done") == std::string::npos);
    bench.terminal.type("\x04");
    CHECK(bench.terminal.wait_end() == 0);
    CHECK(bench.server.heard() == "NOOP\nMETR\nQUIT\n");

    std::ifstream file{trace};
    const std::string calls{std::istreambuf_iterator<char>{file}, {}};
    std::smatch found;
    REQUIRE(std::regex_search(calls, found, std::regex{R"(, (\d+)\) = 0 .*\(INJECTED\))"}));
    CHECK(std::stoi(found[1]) > 230'000);
    CHECK(std::stoi(found[1]) <= 240'000);
}
