#include "buzon/line/escapes.h"

#include "support/catch.h"

using namespace buzon::line;

TEST_CASE("two hexadecimal digits of either case are an octet, and nothing else is") {
    for (unsigned value = 0; value < 256; ++value) {
        for (const std::string_view digits : {"0123456789abcdef", "0123456789ABCDEF"}) {
            const std::string text{digits[value / 16], digits[value % 16], '0'};
            CHECK(hex_octet(text) == static_cast<char>(value));
        }
    }
    for (const std::string_view text : {"", "4", "4g", "g4", "/0", "0:", "@0", "0G", "`0", "-1", " 1", "0x"}) {
        CAPTURE(text);
        CHECK_FALSE(hex_octet(text));
    }
}

TEST_CASE("a mark and two hexadecimal digits become an octet; any other mark stays") {
    CHECK(without_escapes("") == "");
    CHECK(without_escapes("a%20b%2Fc%2fd") == "a b/c/d");
    CHECK(without_escapes("%00%ff") == std::string("\0\xff", 2));
    CHECK(without_escapes("%2541") == "%41"); // decoded once
    for (const std::string_view text : {"%", "%%", "%4", "a%zz", "%%4", "%4%", "=41"})
        CHECK(without_escapes(text) == text);
    CHECK(without_escapes("%%41%") == "%A%");
    CHECK(without_escapes("=41=4=", '=') == "A=4=");
    CHECK(without_escapes("%41", '=') == "%41");
}
