// The full-screen view and the plot in a pseudo-terminal.
#include <algorithm>
#include <csignal>

#include "fake_server.h"
#include "program.h"
#include "support/catch.h"

namespace {

Replies replies() {
    std::string history = "+OK\r\n";
    for (int i = 0; i < 60; ++i)
        history += "2026-11-23T10:" + std::string(i < 10 ? "0" : "") + std::to_string(i) + ":00Z " +
                   std::to_string(i * 10) + "\r\n";
    history += ".\r\n";
    return {{"METR", "+OK 41;5000;2;7\r\n"},
            {"METR *", "+OK\r\nconnections-open 1\r\nfilters-running 3\r\n.\r\n"},
            {"SESS",
             "+OK\r\n17 user1 127.0.0.1:4000 transaction age=12 command=RETR sent=1024 size=2048 backlog=0\r\n.\r\n"},
            {"EVNT LOGIN AUTH-FAIL", "@live"},
            {"NOOP", "+OK\r\n"},
            {"AUTH ANA OPEN SESAME", "+OK welcome\r\n"},
            {"HIST MESSAGES MINUTE", history},
            {"HIST MESSAGES MINUTE 144", history},
            {"HIST MESSAGES MINUTE 72", history},
            {"HIST MESSAGES HOUR 5", "+OK\r\n.\r\n"}};
}

std::vector<std::string> words_to(const FakeServer& server, std::vector<std::string> words) {
    words.insert(words.begin(), {"127.0.0.1", server.port()});
    return words;
}

} // namespace

TEST_CASE("top fills the screen, follows its size and gives the terminal back on q") {
    const FakeServer server{replies()};
    TerminalClient terminal{words_to(server, {"top"})};
    terminal.wait_for("login      user1");
    CHECK(terminal.screen().alternate());
    CHECK_FALSE(terminal.mode_is_usual());
    CHECK(terminal.screen().row(0).find(" buzon 127.0.0.1:" + server.port()) == 0);
    CHECK(terminal.screen().row(6) == " filters        running 3   queued 0   started 0   failed 0");
    CHECK(terminal.screen().row(8) ==
          " 17     user1      127.0.0.1:4000       open   RETR   1.0k  50%              12s");
    CHECK(terminal.screen().row(23) == " q quits   s sorts (by load)   arrows scroll   1 session");
    CHECK_FALSE(terminal.screen().overflowed());

    terminal.resize(40, 120);
    terminal.wait_until([&] { return terminal.screen().row(39).find(" q quits") == 0; }, "the last row, further down");
    CHECK(terminal.screen().row(39).find(" q quits") == 0);
    CHECK_FALSE(terminal.screen().overflowed());

    terminal.type("s");
    terminal.wait_for("s sorts (by age)");
    terminal.type("q");
    CHECK(terminal.wait_end() == 0);
    CHECK_FALSE(terminal.screen().alternate());
    CHECK(terminal.mode_is_usual());
    CHECK(terminal.everything().find("\x1b[?25h") != std::string::npos); // the cursor is visible again
    CHECK(terminal.screen().unknown().empty());
}

TEST_CASE("top leaves on Ctrl-C, on signals and when the server is killed, each time with the terminal in order") {
    for (const int number : {0, SIGTERM, SIGINT, SIGKILL}) {
        FakeServer server{replies()};
        TerminalClient terminal{words_to(server, {"top"})};
        terminal.wait_for("LOGINS");
        if (number == 0)
            terminal.type("\x03");
        else if (number == SIGKILL)
            server.kill();
        else
            terminal.signal(number);
        const int code = terminal.wait_end();
        CHECK(code == (number == SIGKILL ? 69 : number == 0 ? code : 128 + number));
        if (number == 0) CHECK((code == 0 || code == 128 + SIGINT)); // the latter in the middle of an answer
        CHECK(terminal.mode_is_usual());
        CHECK_FALSE(terminal.screen().alternate());
    }
}

TEST_CASE("top on a dumb terminal sends no control sequence, and nothing but ASCII where no locale is set") {
    for (const char* kind : {"TERM=dumb", "NO_TERM=1"}) {
        CAPTURE(kind);
        const FakeServer server{replies()};
        TerminalClient terminal{words_to(server, {"top"}), 24, 80, TerminalClient::Parent::test, {kind}};
        terminal.wait_for(" 17     user1     127.0.0.1:4000       open   RETR   1.0k  50%              12s");
        terminal.wait_for(" q quits   s sorts (by load)   arrows scroll   1 session");
        terminal.type("q");
        CHECK(terminal.wait_end() == 0);
        for (const char c : terminal.everything()) CHECK((c == '\r' || c == '\n' || (c >= ' ' && c < 0x7F)));
        CHECK(terminal.mode_is_usual());
    }
}

TEST_CASE("plot and top draw with what the locale says that the terminal shows") {
    using Environment = std::vector<std::string>;
    const FakeServer server{replies()};
    const auto drawn = [&](const Environment& environment) {
        Environment all = environment;
        all.emplace_back("TERM=xterm");
        TerminalClient plot{words_to(server, {"plot", "messages"}), 24, 80, TerminalClient::Parent::test, all};
        CHECK(plot.wait_end() == 0);
        TerminalClient top{words_to(server, {"top"}), 24, 80, TerminalClient::Parent::test, all};
        top.wait_for("login      user1");
        top.wait_until([&] { return top.screen().row(5).size() > 22; }, "a trend"); // of the users online
        top.type("q");
        CHECK(top.wait_end() == 0);
        return std::pair{plot.everything(), top.everything()};
    };
    const auto is_ascii = [](const std::string& text) {
        return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    };
    for (const Environment& ascii : {Environment{},
                                     {"LANG=C"},
                                     {"LC_ALL=C", "LANG=C.UTF-8"},
                                     {"LC_CTYPE=POSIX", "LANG=C.UTF-8"},
                                     {"LANG=xx_XX.ISO-8859-1"},
                                     {"LANG=xx_XX"}}) {
        const auto [plot, top] = drawn(ascii);
        CHECK(is_ascii(plot));
        CHECK(is_ascii(top));
        CHECK(plot.find("   600 +") != std::string::npos);
    }
    for (const Environment& utf8 :
         {Environment{"LANG=C.UTF-8"},
          {"LC_ALL=C.utf8"},
          {"LC_ALL=", "LC_CTYPE=C.UTF-8", "LANG=C"},
          {"LANG=xx_XX.UTF-8@euro"}}) { // a locale of another machine, from which one has come by ssh
        const auto [plot, top] = drawn(utf8);
        CHECK(plot.find("   600 \xE2\x94\xA4") != std::string::npos);
        CHECK(top.find("\xE2\x96\x88") != std::string::npos);
    }
}

TEST_CASE("top without a terminal is wrong usage") {
    const FakeServer server{replies()};
    CHECK(run_client(words_to(server, {"top"})).code == 64);
}

TEST_CASE("plot draws into a terminal and writes CSV elsewhere") {
    const FakeServer server{replies()};
    TerminalClient terminal{words_to(server, {"plot", "messages"})};
    CHECK(terminal.wait_end() == 0);
    CHECK(terminal.screen().row(0).starts_with("messages by minute, 2026-11-23 10:00 to 2026-11-23 1"));
    CHECK(terminal.screen().row(1).find("   600 \xE2\x94\xA4") == 0);
    CHECK(terminal.screen().row(19) == "current minute 590; before: last 580, min 0, max 580, mean 290");

    const Finished file = run_client(words_to(server, {"plot", "messages"}));
    CHECK(file.code == 0);
    CHECK(file.out.find("time,value\n2026-11-23T10:00:00Z,0\n2026-11-23T10:01:00Z,10\n") == 0);
    CHECK(run_client(words_to(server, {"plot", "messages", "hour", "5"})).out == "time,value\n");
}

TEST_CASE("plot refuses what the server or the calendar does not know") {
    const FakeServer server{replies()};
    const Finished period = run_client(words_to(server, {"plot", "messages", "fortnight"}));
    CHECK(period.code == 64);
    const Finished metric = run_client(words_to(server, {"plot", "nothing"}));
    CHECK(metric.code == 1);
    CHECK(metric.out.empty());
    CHECK(metric.err == "-ERR unknown command\n");
}

TEST_CASE("plot and top work from the prompt, which goes on behind them") {
    const FakeServer server{replies()};
    TerminalClient terminal{words_to(server, {})};
    terminal.wait_cursor("> |");
    terminal.type("plot messages hour 5\r");
    terminal.wait_for("no history of messages by hour yet");
    terminal.type("top\r");
    terminal.wait_for("LOGINS");
    terminal.type("q");
    terminal.wait_cursor("> |");
    terminal.type("METR\r");
    terminal.wait_for("historic");
    // The second connection of top is logged in as the first is, whenever that was.
    terminal.type("AUTH ana open sesame\r");
    terminal.wait_cursor("> |");
    terminal.type("top\r");
    terminal.wait_until([&] { return server.heard().find("AUTH ana open sesame\nEVNT login") != std::string::npos; },
                        "a login of top");
    terminal.wait_for("LOGINS"); // what is on the screen is no longer the prompt from before
    terminal.type("q");
    terminal.wait_cursor("> |");
    terminal.type("\x04");
    CHECK(terminal.wait_end() == 0);
    CHECK(terminal.mode_is_usual());
}
