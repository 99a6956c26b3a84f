// pop3/asked_test.cpp - which command each line is reported as, for the counters.
#include <cctype>

#include "conversation.h"
#include "support/catch.h"

using namespace buzon::pop3;
using buzon::state::Pop3Command;

namespace {

struct Fresh {
    Settings settings;
    Session session{settings, Channel::open, +[] { return std::string{"1"}; }};
    std::string out;

    Pop3Command asked(std::string_view line) { return session.line(line, out).command; }
};

} // namespace

TEST_CASE("commands are recognized in any case, with and without arguments, and only as whole words") {
    for (std::size_t i = 0; i + 1 < buzon::state::pop3_command_count; ++i) {
        const auto command = static_cast<Pop3Command>(i);
        const std::string upper{name_of(command)};
        std::string lower = upper;
        for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        CAPTURE(upper);
        CHECK(Fresh{}.asked(upper) == command);
        CHECK(Fresh{}.asked(lower) == command);
        CHECK(Fresh{}.asked(upper + " 1 2") == command);
        CHECK(Fresh{}.asked(upper + "X") == Pop3Command::unknown);
        CHECK(Fresh{}.asked(upper.substr(0, upper.size() - 1)) == Pop3Command::unknown);
        CHECK(Fresh{}.asked(" " + upper) == Pop3Command::unknown);
    }
}

TEST_CASE("a word that only resembles a command is unknown") {
    for (const char* line : {"", " ", "T", "TO", "TOPS", "\x55\x53\x45\x12", "utf\x18", "UTF\x38x", "noo0", "TOP\t1"}) {
        CAPTURE(line);
        CHECK(Fresh{}.asked(line) == Pop3Command::unknown);
    }
}

TEST_CASE("a command that is disabled or comes too early is still reported as that command") {
    Fresh fresh;
    fresh.settings.disabled.insert(Pop3Command::capa);
    CHECK(fresh.asked("CAPA") == Pop3Command::capa);
    CHECK(fresh.asked("RETR 1") == Pop3Command::retr);
    CHECK(fresh.out.starts_with("-ERR Unknown command\r\n-ERR "));
}

TEST_CASE("the lines of a SASL exchange are reported as AUTH, and an overlong line as unknown") {
    Fresh fresh;
    CHECK(fresh.asked("AUTH PLAIN") == Pop3Command::auth);
    CHECK(fresh.asked("NOOP") == Pop3Command::auth);
    CHECK(fresh.asked("NOOP") == Pop3Command::noop);
    CHECK(fresh.session.bad_line(BadLine::too_long, fresh.out).command == Pop3Command::unknown);
}
