#include "buzon/terminal/text.h"

#include "buzon/terminal/table.h"
#include "support/catch.h"

using namespace buzon::client;

TEST_CASE("invalid UTF-8 is read octet by octet") {
    const auto is_wrong = [](std::string_view text) {
        const Character c = first_character(text);
        return c.code == 0xFFFD && c.octets == 1;
    };
    CHECK(is_wrong("\x80"));
    CHECK(is_wrong("\xC0\x80")); // NUL in two octets
    CHECK(is_wrong("\xC3"));     // cut off
    CHECK(is_wrong("\xC3("));
    CHECK(is_wrong("\xE0\x80\x80"));     // overlong
    CHECK(is_wrong("\xED\xA0\x80"));     // a surrogate
    CHECK(is_wrong("\xF4\x90\x80\x80")); // beyond Unicode
    CHECK(is_wrong("\xFF"));
    CHECK(first_character("\xC3\xB1x").code == 0xF1);
    CHECK(first_character("\xF0\x9F\x93\xAB").code == 0x1F4EB);
}

TEST_CASE("a cursor moves over a letter and its accents in one step, in both directions") {
    const std::string text = "a"
                             "n\xCC\x83"
                             "\xE6\x97\xA5"
                             "\xFF"; // a, n + tilde, U+65E5, an invalid octet
    CHECK(columns(text) == 1 + 1 + 2 + 1);
    const std::vector<std::size_t> edges = {0, 1, 4, 7, 8};
    for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
        CHECK(after_character(text, edges[i]) == edges[i + 1]);
        CHECK(before_character(text, edges[i + 1]) == edges[i]);
    }
    CHECK(after_character(text, text.size()) == text.size());
    CHECK(before_character(text, 0) == 0);
}

TEST_CASE("nothing that a server sends can control the terminal") {
    CHECK(printable("\x1b[2J") == "\\x1b[2J");
    CHECK(printable("\xC2\x9B"
                    "2J") == "\\x9b2J"); // CSI as one C1 character
    CHECK(printable(std::string_view{"a\0\tb\x7f", 5}) == "a\\x00 b\\x7f");
    CHECK(printable("\xFF") == "\xEF\xBF\xBD");
    CHECK(printable("ma\xC3\xB1"
                    "ana") == "ma\xC3\xB1"
                              "ana");
}

TEST_CASE("a wide character that does not fit is left out and its column filled with a blank") {
    CHECK(fitted("a\xE6\x97\xA5", 2) == "a ");
    CHECK(fitted_right("7", 3) == "  7");
    CHECK(fitted("abc", 0).empty());
}

TEST_CASE("a number is what JSON takes for one, without an exponent") {
    for (const char* good : {"0", "7", "-7", "10", "18446744073709551615", "0.5", "-0.25"}) CHECK(number_of(good));
    for (const char* bad : {"", "-", "+1", "01", ".5", "5.", "1e3", "0x1", "nan", "inf", "1 ", " 1", "1-", "1.2.3"}) {
        CHECK_FALSE(number_of(bad));
    }
}

TEST_CASE("large numbers are shortened to five characters at most") {
    CHECK(shortened(0) == "0");
    CHECK(shortened(2.5) == "2.5");
    CHECK(shortened(999) == "999");
    CHECK(shortened(999.7) == "1.0k");
    CHECK(shortened(1023, 1024) == "1.0k");
    CHECK(shortened(1536, 1024) == "1.5k");
    CHECK(shortened(123456789, 1000) == "123M");
    CHECK(shortened(-1500) == "-1.5k");
    for (double value = 0.01; value < 1e18; value *= 1.7) CHECK(shortened(value, 1024).size() <= 5);
}

TEST_CASE("a table has straight columns and no trailing blanks") {
    CHECK(table({"ID", "NAME"}, {{"1", "a"}, {"10", "\xE6\x97\xA5\xE6\x9C\xAC"}, {"-", "n"}}) ==
          "ID  NAME\n"
          " 1  a\n"
          "10  \xE6\x97\xA5\xE6\x9C\xAC\n"
          " -  n\n");
    CHECK(table({}, {{"a", ""}, {"long", "x"}}) == "a\nlong  x\n");
    CHECK(table({}, {}).empty());
    CHECK(table({}, {{"one"}, {"1", "two", "3"}}) == "one\n1    two  3\n");
}
