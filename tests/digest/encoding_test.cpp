#include "support/catch.h"

#include <string>

#include "buzon/digest/base64.h"
#include "buzon/digest/hex.h"
#include "buzon/digest/octets.h"
#include "buzon/digest/random.h"

using namespace buzon::digest;

TEST_CASE("base64 matches the test vectors of RFC 4648 section 10 both ways") {
    const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                           {"f", "Zg=="},
                                                           {"fo", "Zm8="},
                                                           {"foo", "Zm9v"},
                                                           {"foob", "Zm9vYg=="},
                                                           {"fooba", "Zm9vYmE="},
                                                           {"foobar", "Zm9vYmFy"}};
    for (const auto& [octets, text] : vectors) {
        CHECK(encode_base64(octets) == text);
        CHECK(decode_base64(text) == octets);
    }
}

TEST_CASE("base64 matches the examples of RFC 4648 section 9 both ways") {
    const std::string six = "\x14\xfb\x9c\x03\xd9\x7e";
    CHECK(encode_base64(six) == "FPucA9l+");
    CHECK(decode_base64("FPucA9l+") == six);
    CHECK(decode_base64("FPucA9k=") == six.substr(0, 4) + "\xd9");
    CHECK(decode_base64("FPucAw==") == six.substr(0, 4));
}

TEST_CASE("base64 decodes to what was encoded, for every length and octet") {
    std::string octets;
    for (int i = 0; i < 300; ++i) {
        CHECK(decode_base64(encode_base64(octets)) == octets);
        octets += static_cast<char>(i * 37 + 11);
    }
}

TEST_CASE("base64 that is not canonical, has a foreign character or wrong padding is refused") {
    for (const std::string text : {"Z",     "Zg",       "Zg=",  "Zg===", "=",      "==",    "===",   "====", "Zg==Zg==",
                                   "Zm9=v", "Z=g=",     "Zh==", "Zm9=",  "Zm8=\n", "Zm\n8", " Zm8=", "Zm8_", "Zm8-",
                                   "Zm9v=", "Zm9v====", "*",    "Zm9*",  "A===",   "=AAA",  "AA=A"}) {
        INFO(text);
        CHECK_FALSE(decode_base64(text));
    }
    CHECK_FALSE(decode_base64(std::string_view{"Zm\0v", 4}));
    CHECK_FALSE(decode_base64("\xc3\xa1\xc3\xa1"));
}

TEST_CASE("hexadecimal digits of either case are decoded, and anything else is refused") {
    CHECK(encode_hex(std::string_view{"\x00\x7f\xff", 3}) == "007fff");
    CHECK(decode_hex("007FfF") == std::string("\x00\x7f\xff", 3));
    CHECK(decode_hex("") == "");
    for (const std::string text : {"0", "0g", "g0", "0x", " 0", "000", "-1", "/0", ":0", "@0", "`0"})
        CHECK_FALSE(decode_hex(text));
}

TEST_CASE("strings compare equal in constant time only if all their octets are equal") {
    const std::string text = "a secret of some length";
    CHECK(equal_in_constant_time(text, text));
    CHECK(equal_in_constant_time("", ""));
    CHECK_FALSE(equal_in_constant_time(text, text + "x"));
    CHECK_FALSE(equal_in_constant_time(text, ""));
    for (std::size_t at = 0; at < text.size(); ++at) {
        for (const int bit : {1, 128}) {
            std::string other = text;
            other[at] = static_cast<char>(other[at] ^ bit);
            CHECK_FALSE(equal_in_constant_time(text, other));
        }
    }
}

TEST_CASE("a wiped string is empty, and its old content is overwritten") {
    std::string secret = "a password longer than the small string buffer";
    const char* const held = secret.data();
    wipe(secret);
    CHECK(secret.empty());
    CHECK(held[1] == '\0');
}

TEST_CASE("random octets come in the requested number, and differ each time") {
    CHECK(random_octets(0).empty());
    CHECK(random_octets(1000).size() == 1000);
    CHECK(random_octets(16) != random_octets(16));
}
