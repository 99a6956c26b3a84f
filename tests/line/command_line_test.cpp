#include "buzon/line/command_line.h"

#include "support/catch.h"

using namespace buzon::line;

TEST_CASE("the verb ends at the first space and the rest is left as it is") {
    const CommandLine pass = split_command("PASS  two  spaces ");
    CHECK(pass.verb == "PASS");
    CHECK(pass.rest == " two  spaces ");
    CHECK(split_command("STAT").verb == "STAT");
    CHECK(split_command("AUTH ").rest.empty());
    CHECK(split_command("").verb.empty());
    CHECK(split_command(" STAT").verb.empty());
    CHECK(split_command("STAT\t1").verb == "STAT\t1");
}

TEST_CASE("words are taken one by one, however many spaces separate them") {
    std::string_view text = "  1   22 ";
    CHECK(count_words(text) == 2);
    CHECK(take_word(text) == "1");
    CHECK(take_word(text) == "22");
    CHECK(take_word(text).empty());
    CHECK(take_word(text).empty());
    CHECK(count_words("") == 0);
    CHECK(count_words("   ") == 0);
    CHECK(without_outer_spaces("  a b  ") == "a b");
    CHECK(without_outer_spaces("   ").empty());
}

TEST_CASE("verbs are compared as a whole, without case, and in ASCII only") {
    CHECK(equals_ignoring_case("sTaT", "STAT"));
    CHECK_FALSE(equals_ignoring_case("STATX", "STAT"));
    CHECK_FALSE(equals_ignoring_case("STA", "STAT"));
    CHECK_FALSE(equals_ignoring_case("L\xCDST", "LIST"));
    CHECK_FALSE(equals_ignoring_case("[", "{"));
    CHECK(equals_ignoring_case("", ""));
}
