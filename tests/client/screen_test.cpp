// The full-screen view and the plot in a pseudo-terminal.
#include <algorithm>
#include <csignal>

#include "fake_server.h"
#include "program.h"
#include "support/catch.h"
#include "support/temp_directory.h"

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
            {"EVNT LOGIN AUTH-FAIL REFUSED", "@live"},
            {"NOOP", "+OK done\r\n"},
            {"AUTH ANA OPEN SESAME", "+OK welcome\r\n"},
            {"HIST MESSAGES MINUTE", history},
            {"HIST MESSAGES MINUTE 20", history},
            {"HIST MESSAGES MINUTE 144", history},
            {"HIST MESSAGES MINUTE 72", history},
            {"HIST MESSAGES HOUR 5", "+OK\r\n.\r\n"}};
}

std::vector<std::string> words_to(const FakeServer& server, std::vector<std::string> words) {
    words.insert(words.begin(), {"127.0.0.1", server.port()});
    return words;
}

std::vector<std::string> words_to(const FakeServer& server, std::vector<std::string> options,
                                  const std::vector<std::string>& words) {
    const auto operands = words_to(server, words);
    options.insert(options.end(), operands.begin(), operands.end());
    return options;
}

} // namespace

TEST_CASE("top fills the screen, adapts to its size and restores the terminal on q") {
    const FakeServer server{replies()};
    TerminalClient terminal{words_to(server, {"top"})};
    terminal.wait_for("login     user1");
    CHECK(terminal.screen().alternate());
    CHECK_FALSE(terminal.mode_is_usual());
    CHECK(terminal.screen().row(0).find(" buzon 127.0.0.1:" + server.port()) == 0);
    CHECK(terminal.screen().row(8) == " filters  running 3   queued 0   started 0   failed 0");
    CHECK(terminal.screen().row(11) ==
          " 17  user1  127.0.0.1:4000  transaction  RETR           -  1.0k  2.0k  12s    0s");
    CHECK(terminal.screen().row(23) == " q quit   h help   by load   1 session   every 1 s");
    CHECK_FALSE(terminal.screen().overflowed());

    terminal.resize(40, 120);
    terminal.wait_until([&] { return terminal.screen().row(39).find(" q quit") == 0; }, "the last row, further down");
    CHECK(terminal.screen().row(39).find(" q quit") == 0);
    CHECK_FALSE(terminal.screen().overflowed());

    terminal.type("s");
    terminal.wait_for("   by age   ");
    terminal.type("q");
    CHECK(terminal.wait_end() == 0);
    CHECK_FALSE(terminal.screen().alternate());
    CHECK(terminal.mode_is_usual());
    CHECK(terminal.everything().find("\x1b[?25h") != std::string::npos); // the cursor is visible again
    CHECK(terminal.screen().unknown().empty());
}

TEST_CASE("top exits on Ctrl-C, on signals and when the server is killed, and restores the terminal each time") {
    for (const int number : {0, SIGTERM, SIGINT, SIGKILL}) {
        FakeServer server{replies()};
        TerminalClient terminal{words_to(server, {"--timeout=1"}, {"top"})};
        terminal.wait_for("LOGINS");
        if (number == 0)
            terminal.type("\x03");
        else if (number == SIGKILL)
            server.kill();
        else
            terminal.signal(number);
        const int code = terminal.wait_end();
        CHECK(code == (number == SIGKILL ? 69 : number == 0 ? code : 128 + number));
        if (number == 0) CHECK((code == 0 || code == 128 + SIGINT)); // the latter in the middle of a reply
        CHECK(terminal.mode_is_usual());
        CHECK_FALSE(terminal.screen().alternate());
    }
}

TEST_CASE("top on a dumb terminal sends no control sequences, and only ASCII if no locale is set") {
    for (const char* kind : {"TERM=dumb", "NO_TERM=1"}) {
        CAPTURE(kind);
        const FakeServer server{replies()};
        TerminalClient terminal{words_to(server, {"top"}), 24, 80, TerminalClient::Parent::test, {kind}};
        terminal.wait_for(" 17  user1  127.0.0.1:4000  transaction  RETR     1.0k  2.0k  12s    0s");
        terminal.wait_for(" q quit   h help   by load   1 session   every 5 s");
        terminal.type("q");
        CHECK(terminal.wait_end() == 0);
        for (const char c : terminal.everything()) CHECK((c == '\r' || c == '\n' || (c >= ' ' && c < 0x7F)));
        CHECK(terminal.mode_is_usual());
    }
}

TEST_CASE("plot and top draw with characters that the terminal can show according to the locale") {
    using Environment = std::vector<std::string>;
    const FakeServer server{replies()};
    const auto drawn = [&](const Environment& environment) {
        Environment all = environment;
        all.emplace_back("TERM=xterm");
        TerminalClient plot{words_to(server, {"plot", "messages"}), 24, 80, TerminalClient::Parent::test, all};
        CHECK(plot.wait_end() == 0);
        TerminalClient top{words_to(server, {"top"}), 24, 80, TerminalClient::Parent::test, all};
        top.wait_for("login     user1");
        top.wait_until([&] { return top.screen().row(3).size() > 27; }, "a curve");
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
    for (const Environment& utf8 : {Environment{"LANG=C.UTF-8"},
                                    {"LC_ALL=C.utf8"},
                                    {"LC_ALL=", "LC_CTYPE=C.UTF-8", "LANG=C"},
                                    {"LANG=xx_XX.UTF-8@euro"}}) { // the locale of another machine, passed on by ssh
        const auto [plot, top] = drawn(utf8);
        CHECK(plot.find("   600 \xE2\x94\xA4") != std::string::npos);
        CHECK(top.find("\xE2\x96\x88") != std::string::npos);
    }
}

TEST_CASE("without a terminal, top is wrong usage, except top --once, which prints one screen, or all as JSON") {
    const FakeServer server{replies()};
    CHECK(run_client(words_to(server, {"top"})).code == 64);
    const Finished once = run_client(words_to(server, {"top", "--once"}));
    CHECK(once.code == 0);
    CHECK(once.out.starts_with(" buzon 127.0.0.1:" + server.port()));
    CHECK(once.out.find("\n 17  user1  127.0.0.1:4000 ") != std::string::npos);
    CHECK(once.out.find('\x1b') == std::string::npos);
    std::vector<std::string> json = words_to(server, {"top", "--once"});
    json.insert(json.begin(), "--json");
    const Finished document = run_client(json);
    CHECK(document.out.starts_with(R"({"status":"+OK","text":"",)"));
    CHECK(document.out.find(R"("metrics":{"connections-open":1,"filters-running":3})") != std::string::npos);
    CHECK(document.out.find(R"("sessions":[{"id":17,"user":"user1",)") != std::string::npos);
}

TEST_CASE("top kicks, filters and shows details, and a recording of it can be replayed without a server") {
    const buzon::test::TempDirectory directory;
    const std::string file = directory / "seen";
    std::string name;
    {
        Replies known = replies();
        known["KICK 17"] = "+OK 1\r\n";
        const FakeServer server{known};
        name = "127.0.0.1:" + server.port();
        TerminalClient terminal{words_to(server, {"top", "--record", file})};
        terminal.wait_for("login     user1");
        terminal.type("\x1b[B");
        terminal.wait_for(">17  user1 ");
        terminal.type("\r");
        terminal.wait_for(" session 17, any key goes back");
        terminal.type(" /nobody\r");
        terminal.wait_for("0 of 1 session with nobody");
        terminal.type("/\r\x1b[B");
        terminal.wait_for(">17  user1 ");
        terminal.type("k");
        terminal.wait_for(" kick session 17 of user1? nothing is deleted (y/n)");
        terminal.type("y");
        terminal.wait_for(" kicked session 17");
        terminal.type("h");
        terminal.wait_for(" help, any key goes back");
        terminal.type("hp");
        terminal.wait_for("   PAUSED");
        terminal.type("p+");
        terminal.wait_for("   every 2 s");
        const auto looks = [&] {
            const std::string heard = server.heard();
            return heard.find("\nSESS\n", heard.find("\nSESS\n") + 1) != std::string::npos;
        };
        terminal.wait_until(looks, "a second look");
        terminal.type("q");
        CHECK(terminal.wait_end() == 0);
        CHECK(server.heard().find("\nKICK 17\n") != std::string::npos);
        CHECK(terminal.screen().unknown().empty());
    }
    TerminalClient again{{"top", file}};
    again.wait_for("   RECORDED");
    again.wait_for("   look 1 of ");
    again.wait_for(" 17  user1  127.0.0.1:4000 ");
    CHECK(again.screen().row(0).starts_with(" buzon " + name));
    again.type(">");
    again.wait_for("   look 2 of ");
    again.type("<");
    again.wait_for("   look 1 of ");
    again.type("q");
    CHECK(again.wait_end() == 0);
    CHECK(again.mode_is_usual());
    const Finished printed = run_client({"top", file});
    CHECK(printed.code == 0);
    CHECK(printed.out.find(" 17  user1  127.0.0.1:4000 ") != std::string::npos);
    CHECK(run_client({"top", directory / "nothing"}).code == 64);
}

TEST_CASE("top uses colours if the terminal has them and NO_COLOR is unset") {
    Replies busy = replies();
    busy["METR *"] = "+OK\r\nloop-busy 95\r\n.\r\n";
    const FakeServer server{busy};
    for (const auto& [environment, coloured] : {std::pair{std::vector<std::string>{"TERM=xterm"}, true},
                                                {{"TERM=xterm", "NO_COLOR=1"}, false},
                                                {{"TERM=vt100"}, false}}) {
        TerminalClient terminal{words_to(server, {"top"}), 24, 80, TerminalClient::Parent::test, environment};
        terminal.wait_for(" busy 95%");
        terminal.type("q");
        CHECK(terminal.wait_end() == 0);
        CHECK((terminal.everything().find("\x1b[31;1m") != std::string::npos) == coloured);
    }
}

TEST_CASE("plot draws on a terminal and writes CSV elsewhere") {
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

TEST_CASE("plot draws several metrics one below the other, and writes them as columns or series") {
    Replies two = replies();
    two["HIST A HOUR 3"] = "+OK\r\n2026-11-23T10:00:00Z 1\r\n2026-11-23T11:00:00Z 2\r\n.\r\n";
    two["HIST B HOUR 3"] = "+OK\r\n2026-11-23T09:00:00Z 7\r\n2026-11-23T11:00:00Z 8\r\n.\r\n";
    const FakeServer server{two};
    CHECK(run_client(words_to(server, {"plot", "a,b", "hour", "3"})).out ==
          "time,a,b\n2026-11-23T09:00:00Z,,7\n2026-11-23T10:00:00Z,1,\n2026-11-23T11:00:00Z,2,8\n");
    CHECK(run_client(words_to(server, {"--json"}, {"plot", "a,b", "hour", "3"})).out ==
          R"({"status":"+OK","text":"","series":{"a":[{"time":"2026-11-23T10:00:00Z","value":1},)"
          R"({"time":"2026-11-23T11:00:00Z","value":2}],"b":[{"time":"2026-11-23T09:00:00Z","value":7},)"
          R"({"time":"2026-11-23T11:00:00Z","value":8}]}})"
          "\n");
    CHECK(run_client(words_to(server, {"plot", "a,nothing", "hour", "3"})).code == 1);
    CHECK(run_client(words_to(server, {"plot", ","})).code == 64);
    TerminalClient terminal{words_to(server, {"plot", "--log", "a,b", "hour", "3"}), 40, 80};
    CHECK(terminal.wait_end() == 0);
    CHECK(terminal.screen().row(0).starts_with("a by hour, logarithmic, 2026-11-23 10:00 to "));
    CHECK(terminal.screen().row(16).starts_with("b by hour, logarithmic, 2026-11-23 09:00 to "));
    CHECK(terminal.screen().unknown().empty());
}

TEST_CASE("plot of a histogram draws its buckets over time, and writes them as columns or objects") {
    Replies past = replies();
    past["HIST RETR-TIME MINUTE 144"] = past["HIST RETR-TIME MINUTE"] =
        "+OK\r\n2026-11-23T10:00:00Z 1000:9 2500:1\r\n2026-11-23T10:01:00Z -\r\n2026-11-23T10:02:00Z more:3\r\n.\r\n";
    const FakeServer server{past};
    TerminalClient terminal{words_to(server, {"plot", "retr-time,messages"})};
    CHECK(terminal.wait_end() == 0);
    const Screen& screen = terminal.screen();
    CHECK(screen.row(0) == "retr-time by minute, histogram, to 2026-11-23 10:03 UTC");
    CHECK(screen.row(1).starts_with("  more \xE2\x94\xA4"));
    CHECK(screen.row(1).ends_with(" ////"));
    CHECK(screen.text().find("\nmessages by minute, 2026-11-23 10:00 to ") != std::string::npos);
    CHECK_FALSE(screen.overflowed());

    const Finished csv = run_client(words_to(server, {"plot", "retr-time"}));
    CHECK(csv.out.starts_with("time,100,250,500,1000,2500,"));
    CHECK(csv.out.find(",60000000,more\n2026-11-23T10:00:00Z,0,0,0,9,1,0,") != std::string::npos);
    CHECK(csv.out.ends_with(",0,0,3\n"));
    const Finished two = run_client(words_to(server, {"plot", "retr-time,messages"}));
    CHECK(two.out.starts_with("time,retr-time:100,"));
    CHECK(two.out.find(",retr-time:more,messages\n2026-11-23T10:00:00Z,0,0,0,9,1,") != std::string::npos);
    const std::string points = R"({"time":"2026-11-23T10:00:00Z","buckets":{"1000":9,"2500":1}},)"
                               R"({"time":"2026-11-23T10:01:00Z","buckets":{}},)"
                               R"({"time":"2026-11-23T10:02:00Z","buckets":{"more":3}})";
    CHECK(run_client(words_to(server, {"--json"}, {"plot", "retr-time"})).out.find(R"("points":[)" + points + "]") !=
          std::string::npos);
    CHECK(run_client(words_to(server, {"--json"}, {"plot", "retr-time,messages"}))
              .out.find(R"("series":{"retr-time":[)" + points + "],") != std::string::npos);
}

TEST_CASE("a reply longer than the screen is shown with PAGER, a shorter one directly") {
    Replies some = replies();
    std::string lines = "+OK\r\n";
    for (int i = 1; i <= 30; ++i) lines += "line " + std::to_string(i) + "\r\n";
    some["LOGG"] = lines + ".\r\n";
    const FakeServer server{some};
    const auto shown = [&](const std::string& pager, std::size_t rows) {
        TerminalClient terminal{words_to(server, {"LOGG"}),
                                rows,
                                80,
                                TerminalClient::Parent::test,
                                {"TERM=xterm", "PATH=/usr/bin:/bin", "PAGER=" + pager}};
        CHECK(terminal.wait_end() == 0);
        return terminal.everything();
    };
    CHECK(shown("echo page; tail -n 1", 24) == "page\r\nline 30\r\n");
    CHECK(shown("echo page; tail -n 1", 30) == "page\r\nline 30\r\n"); // the prompt needs the last row
    CHECK(shown("echo page; tail -n 1", 31).starts_with("line 1\r\nline 2\r\n"));
    CHECK(shown("", 24).starts_with("line 1\r\n"));
    CHECK(shown("cat", 24).starts_with("line 1\r\n"));
    CHECK(shown("true", 24).empty()); // a pager that reads nothing keeps nobody waiting
    const std::string missing = shown("/no/such/pager", 24);
    CHECK(missing.find("line 1\r\nline 2\r\n") != std::string::npos);
    CHECK(missing.ends_with("line 30\r\n"));

    TerminalClient prompt{words_to(server, {}),
                          24,
                          80,
                          TerminalClient::Parent::test,
                          {"TERM=xterm", "PATH=/usr/bin:/bin", "PAGER=tail -n 1; echo page; read key </dev/tty"}};
    prompt.wait_cursor("> |");
    prompt.type("LOGG\r");
    prompt.wait_for("page");
    CHECK(prompt.mode_is_usual()); // the pager has the terminal
    prompt.type("\x03\r");
    prompt.wait_cursor("> |");
    prompt.type("METR\r");
    prompt.wait_for("historic");
    prompt.type("\x04");
    CHECK(prompt.wait_end() == 0);
}

TEST_CASE("plot refuses unknown periods and metrics") {
    const FakeServer server{replies()};
    const Finished period = run_client(words_to(server, {"plot", "messages", "fortnight"}));
    CHECK(period.code == 64);
    const Finished metric = run_client(words_to(server, {"plot", "nothing"}));
    CHECK(metric.code == 1);
    CHECK(metric.out.empty());
    CHECK(metric.err == "-ERR unknown command\n");
}

TEST_CASE("plot and top work from the prompt, which returns after them") {
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
    // top's second connection is logged in like the first one, whenever that logged in.
    terminal.type("AUTH ana open sesame\r");
    terminal.wait_cursor("> |");
    terminal.type("top\r");
    terminal.wait_until([&] { return server.heard().find("AUTH ana open sesame\nEVNT login") != std::string::npos; },
                        "a login of top");
    terminal.wait_for("LOGINS"); // the screen no longer shows the earlier prompt
    terminal.type("q");
    terminal.wait_cursor("> |");
    terminal.type("\x04");
    CHECK(terminal.wait_end() == 0);
    CHECK(terminal.mode_is_usual());
}
