// Whole screens of the real program in a terminal, compared with files in tests/client/screens, which a person has
// checked. The document shows some of them.
#include <fstream>
#include <sstream>

#include "fake_server.h"
#include "program.h"
#include "support/catch.h"
#include "support/programs.h"

namespace {

std::string file_text(const std::string& name) {
    std::ifstream file{buzon::test::source_directory() + '/' + name};
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string expected(const std::string& name) {
    const std::string text = file_text("tests/client/screens/" + name);
    REQUIRE_FALSE(text.empty());
    return text;
}

// The replies of a busy server.
Replies busy_server() {
    std::string spread = "+OK\r\n";
    for (int minute = 0; minute < 40; ++minute)
        spread += "2026-11-23T14:" + std::string(minute < 10 ? "0" : "") + std::to_string(minute) +
                  ":00Z 500:" + std::to_string(300 + 7 * minute % 60) +
                  " 1000:" + std::to_string(80 + 40 * (minute % 7)) + " 2500:" + std::to_string(20 + minute) +
                  (minute % 3 == 0 ? " 10000:9" : "") +
                  (minute > 30 ? " 250000:" + std::to_string(60 * (minute - 30)) : "") + "\r\n";
    return {{"SESS",
             "+OK\r\n"
             "17 user1@example.org 192.0.2.7:40112 transaction age=61 idle=0 command=RETR sent=65536 size=1048576 "
             "backlog=16384 messages=4 program=/usr/bin/spamc tls\r\n"
             "18 ana 192.0.2.9:52000 transaction age=7300 idle=45 command=- sent=0 size=- backlog=0 messages=1200 "
             "program=-\r\n"
             "1999 - 10.0.0.9:50022 authorization age=3 idle=3 command=- sent=0 size=- backlog=0 messages=0 "
             "program=-\r\n.\r\n"},
            {"HIST RETR-TIME MINUTE 144", spread + ".\r\n"}};
}

} // namespace

TEST_CASE("top at 80 by 24, 40 by 10 and 200 by 50 looks as captured") {
    const std::string recording = buzon::test::source_directory() + "/tests/client/screens/server.top";
    for (const auto& [rows, columns] : {std::pair{24, 80}, std::pair{10, 40}, std::pair{50, 200}}) {
        const std::string name = "top-" + std::to_string(columns) + 'x' + std::to_string(rows) + ".txt";
        const std::string screen = expected(name);
        TerminalClient terminal{{"top", recording}, static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)};
        terminal.wait_for(" q quit");
        terminal.type(">>>>>>"); // to the last look
        terminal.wait_until([&] { return terminal.screen().text() == screen; }, name);
        CHECK_FALSE(terminal.screen().overflowed());
        terminal.type("q");
        CHECK(terminal.wait_end() == 0);
    }
}

TEST_CASE("SESS at 80 and 40 columns, and the histogram of a latency, look as captured") {
    const FakeServer server{busy_server()};
    const auto screen = [&](std::vector<std::string> words, std::size_t columns) {
        words.insert(words.begin(), {"127.0.0.1", server.port()});
        TerminalClient terminal{words, 24, columns};
        CHECK(terminal.wait_end() == 0);
        return terminal.screen().text();
    };
    CHECK(screen({"SESS"}, 80) == expected("sess-80.txt"));
    CHECK(screen({"SESS"}, 40) == expected("sess-40.txt"));
    CHECK(screen({"plot", "retr-time"}, 80) == expected("plot-80.txt"));
}

TEST_CASE("the document shows the captured screens") {
    const std::string document = file_text("docs/management-protocol.md");
    for (const char* name : {"top-80x24.txt", "top-40x10.txt", "sess-80.txt", "plot-80.txt"}) {
        CAPTURE(name);
        CHECK(document.find("```\n" + expected(name) + "```\n") != std::string::npos);
    }
}
