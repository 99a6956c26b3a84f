// UTF-8, SASLprep and user names.
#include "support/catch.h"

#include <string>

#include "buzon/auth/saslprep.h"
#include "buzon/auth/user_name.h"
#include "buzon/line/utf8.h"

using namespace buzon::auth;

TEST_CASE("every Unicode character is encoded and decoded again, but surrogates are refused") {
    for (char32_t c = 0; c <= 0x110000; c += c < 0x10000 ? 1 : 61) {
        std::string text;
        buzon::line::append_utf8(text, c);
        std::string_view rest = text;
        const auto read = buzon::line::take_character(rest);
        if ((c >= 0xd800 && c < 0xe000) || c > 0x10ffff) {
            CHECK_FALSE(read);
            CHECK(rest == text);
        } else if (read != c || !rest.empty()) {
            FAIL("U+" << std::hex << static_cast<unsigned>(c));
        }
    }
}

TEST_CASE("UTF-8 that is overlong, or has a missing or stray octet, is refused") {
    for (const std::string text : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x9f\xbf", "\xe2\x82",
                                   "\xe2(\xa1", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                                   "\xf5\x80\x80\x80", "\xff", "a\xffz", "\xf0\x9f\x92", "\xc3\xb1\xb1"}) {
        CHECK_FALSE(buzon::line::is_utf8(text));
    }
    CHECK(buzon::line::is_utf8(""));
    CHECK(buzon::line::is_utf8("ñandú \xf0\x9f\x93\xae"));
    CHECK(buzon::line::is_utf8(std::string_view{"\0", 1}));
}

TEST_CASE("SASLprep matches the examples of RFC 4013 that need no normalisation") {
    CHECK(saslprep("I\xc2\xadX") == "IX"); // soft hyphen: mapped to nothing
    CHECK(saslprep("user") == "user");
    CHECK(saslprep("USER") == "USER"); // case is kept
    CHECK_FALSE(saslprep("\x07"));     // prohibited
    CHECK(saslprep("a\xe3\x80\x80"
                   "b") == "a b");
    CHECK(saslprep("a\xe2\x80\x8b"
                   "b") == "a b"); // U+200B is in both tables; it becomes a space
    CHECK(saslprep("") == "");
}

TEST_CASE("SASLprep leaves printable ASCII alone and prohibits every ASCII control character") {
    for (int c = 0; c < 128; ++c) {
        const std::string text(1, static_cast<char>(c));
        if (c < 32 || c == 127)
            CHECK_FALSE(saslprep(text));
        else
            CHECK(saslprep(text) == text);
    }
}

TEST_CASE("SASLprep prohibits what section 2.3 of RFC 4013 lists") {
    for (const char32_t c : {0x80U, 0x9fU, 0x340U, 0x6ddU, 0x2028U, 0x202eU, 0x2ff0U, 0xe000U, 0xf8ffU, 0xfdd0U,
                             0xfffdU, 0xffffU, 0x1d173U, 0x1fffeU, 0x5ffffU, 0xe0001U, 0xe007fU, 0xf0000U, 0x10ffffU}) {
        std::string text = "a";
        buzon::line::append_utf8(text, c);
        CHECK_FALSE(saslprep(text));
    }
    CHECK_FALSE(saslprep("\xff"));
}

TEST_CASE("names of people and mail addresses are valid user names") {
    for (const std::string name : {"user1", "juliana@bancomarta.com", "a", "a.b", "a..b", "ñandú", "-", "x-y_z+tag",
                                   "O'Hara", "\xe4\xbd\xa0\xe5\xa5\xbd", "a\\b", "~root"}) {
        INFO(name);
        CHECK(fault_of_user_name(name).empty());
    }
    CHECK(fault_of_user_name(std::string(255, 'a')).empty());
}

TEST_CASE("a user name that leaves the mail root, is hidden or breaks a listing is refused") {
    for (const std::string name : {"",
                                   ".",
                                   "..",
                                   "../user1",
                                   "/etc",
                                   "a/b",
                                   "a/../b",
                                   ".hidden",
                                   "a b",
                                   " a",
                                   "a\t",
                                   "a\r\n",
                                   "\x7f",
                                   "a:b",
                                   "#a",
                                   "buzon-locks",
                                   "\xff",
                                   "a\xc2\xa0"
                                   "b",
                                   "a\xc2\xad",
                                   "a\xe2\x80\xae"
                                   "b",
                                   "\xc2\x85",
                                   "\xed\xa0\x80"}) {
        INFO(name);
        CHECK_FALSE(fault_of_user_name(name).empty());
    }
    CHECK_FALSE(fault_of_user_name(std::string_view{"a\0b", 3}).empty());
    CHECK_FALSE(fault_of_user_name(std::string(256, 'a')).empty());
}
