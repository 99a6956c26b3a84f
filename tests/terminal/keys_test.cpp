#include "buzon/terminal/keys.h"

#include "support/catch.h"

using namespace buzon::client;
using Code = Key::Code;

TEST_CASE("keys are the same wherever their bytes are cut") {
    const std::string bytes = "a\xC3\xB1\x1b[A\x1bOH\x1b[3~\x1b[1;5D\x1b"
                              "b\x03\r\x7f\t\x1b[200~\xF0\x9F\x93\xAB";
    const std::vector<Key> keys = {{Code::text, "a"},
                                   {Code::text, "\xC3\xB1"},
                                   {Code::up},
                                   {Code::home},
                                   {Code::erase},
                                   {Code::word_left},
                                   {Code::word_left},
                                   {Code::control, "C"},
                                   {Code::enter},
                                   {Code::backspace},
                                   {Code::tab},
                                   {Code::paste_begin},
                                   {Code::text, "\xF0\x9F\x93\xAB"}};
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        KeyReader reader;
        std::vector<Key> got = reader.feed(bytes.substr(0, cut));
        for (Key& key : reader.feed(bytes.substr(cut))) got.push_back(std::move(key));
        CHECK(got == keys);
    }
}

TEST_CASE("unknown sequences are skipped, and the next key is read") {
    for (const char* odd : {"\xFF", "\xC2\x85", "\x1b[99~", "\x1b[?1;2c", "\x1bOZ", "\x1bq"}) {
        KeyReader reader;
        const std::vector<Key> keys = reader.feed(std::string{odd} + "x");
        REQUIRE(keys.size() == 2);
        CHECK(keys[0].code == Code::other);
        CHECK(keys[1] == Key{Code::text, "x"});
    }
}

TEST_CASE("an endless escape sequence is given up at some length") {
    KeyReader reader;
    const std::vector<Key> keys = reader.feed("\x1b[" + std::string(1000, '1'));
    CHECK(keys.size() > 900);
    KeyReader broken;
    CHECK(broken.feed("\x1b[1\r").back().code == Code::enter);
}
