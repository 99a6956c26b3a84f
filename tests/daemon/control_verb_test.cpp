// daemon/control_verb_test.cpp - every command is known by its name, and nothing else is.
#include <cctype>
#include <string>

#include "buzon/daemon/control_verb.h"
#include "support/catch.h"

using namespace buzon;
using daemon::verb_of;
using state::Pop3Command;

TEST_CASE("every command is known in any case, alone and with arguments, and no longer or shorter word is") {
    for (std::size_t i = 0; i + 1 < state::pop3_command_count; ++i) {
        const auto command = static_cast<Pop3Command>(i);
        const std::string upper{state::name_of(command)};
        std::string lower = upper;
        for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        CAPTURE(upper);
        CHECK(verb_of(upper) == command);
        CHECK(verb_of(lower) == command);
        CHECK(verb_of(upper + " 1 2") == command);
        CHECK(verb_of(upper + "X") == Pop3Command::unknown);
        CHECK(verb_of(upper.substr(0, upper.size() - 1)) == Pop3Command::unknown);
        CHECK(verb_of(" " + upper) == Pop3Command::unknown);
    }
}

TEST_CASE("what only looks like a command after bits were cleared is unknown") {
    for (const char* line : {"", " ", "T", "TO", "TOPS", "\x55\x53\x45\x12", "utf\x18", "UTF\x38x", "noo0", "TOP\t1"}) {
        CAPTURE(line);
        CHECK(verb_of(line) == Pop3Command::unknown);
    }
    // 0x15 and '5' become one another's neighbours, not 'U' and 'u'
    CHECK(verb_of("\x15SER") == Pop3Command::unknown);
}
