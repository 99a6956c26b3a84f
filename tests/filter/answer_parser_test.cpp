// filter/answer_parser_test.cpp - what long-running programs may say, and what they must not.
#include "buzon/filter/answer_parser.h"

#include <string>
#include <vector>

#include "support/catch.h"

using namespace buzon::filter;

namespace {

using What = AnswerParser::What;

// Everything that is said, as one text: "hello", "same", "begins", "[octets]", "end", "fail(reason)", "broken".
struct Heard {
    AnswerParser parser;
    std::string text;

    bool hear(std::string_view octets) {
        for (;;) {
            switch (parser.next(octets)) {
            case What::more: CHECK(octets.empty()); return true;
            case What::hello: text += "hello "; break;
            case What::same: text += "same "; break;
            case What::begins: text += "begins "; break;
            case What::octets: text += parser.text(); break;
            case What::end: text += " end "; break;
            case What::fail: text.append("fail(").append(parser.text()).append(") "); break;
            case What::broken: text += "broken"; return false;
            }
        }
    }
};

// What is heard from a program that gives this answer to one message.
std::string heard(const std::string& answer) {
    Heard heard;
    REQUIRE(heard.hear("buzon-filter 1\n"));
    REQUIRE(heard.parser.idle());
    heard.parser.expect();
    heard.text.clear();
    (void)heard.hear(answer);
    return heard.text;
}

bool refused(const std::string& answer) {
    return heard(answer).ends_with("broken");
}

} // namespace

TEST_CASE("a handshake is one line with a known version") {
    Heard plain;
    CHECK(plain.hear("buzon-filter 1\n"));
    CHECK(plain.text == "hello ");
    CHECK_FALSE(plain.parser.stable());
    Heard stable;
    CHECK(stable.hear("buzon-filter 1 stable\n"));
    CHECK(stable.parser.stable());
    for (const char* text : {"buzon-filter 2\n", "buzon-filter 1.0\n", "buzon-filter 11\n", "buzon-filter 2 1\n",
                             "buzon-filter 1 unstable\n", "buzon-filter 1 stable stable\n", "buzon-filter 1 \n",
                             "buzon-filter\n", "buzon-filter \n", "Buzon-filter 1\n", "buzon-filter 1\r\n",
                             " buzon-filter 1\n", "\n", "Traceback (most recent call last):\n"}) {
        INFO(text);
        Heard other;
        CHECK_FALSE(other.hear(text));
        CHECK(other.parser.text().find('\n') == std::string_view::npos);
        // It stays broken, whatever follows.
        other.text.clear();
        CHECK_FALSE(other.hear("buzon-filter 1\n"));
    }
}

TEST_CASE("each kind of answer is understood") {
    CHECK(heard("same\n") == "same ");
    CHECK(heard("message 5\nab\ncd") == "begins ab\ncd end ");
    CHECK(heard("message 0\n") == "begins  end ");
    CHECK(heard("message 9\nsame\nend\n") == "begins same\nend\n end ");
    CHECK(heard("stream\nend\n") == "begins  end ");
    CHECK(heard("stream\nchunk 3\nabcchunk 4\nend\nend\n") == "begins abcend\n end ");
    CHECK(heard("stream\nchunk 0\nchunk 0\nchunk 1\nxchunk 0\nend\n") == "begins x end ");
    CHECK(heard("stream\nchunk 1\nxfail no space left\n") == "begins xfail(no space left) ");
    CHECK(heard("fail virus found in part 2\n") == "fail(virus found in part 2) ");
    CHECK(heard("fail\n") == "fail() ");
    CHECK(heard("fail \n") == "fail() ");
    CHECK(heard("fail a\tb\r\n") == "fail(a\tb\r) ");
}

TEST_CASE("an invalid answer is refused") {
    for (const char* text : {"\n",
                             "Same\n",
                             "same \n",
                             "same\r\n",
                             "ok\n",
                             "messages 3\nabc",
                             "message\n",
                             "message \n",
                             "message -1\n",
                             "message +1\n",
                             "message 1 2\n",
                             "message 0x10\n",
                             "message 1.5\n",
                             "message  1\n",
                             "message 1 \n",
                             "message 9223372036854775808\n",
                             "message 18446744073709551616\n",
                             "message 99999999999999999999999\n",
                             "failed\n",
                             "stream 3\n",
                             "chunk 3\nabc",
                             "end\n",
                             "stream\nsame\n",
                             "stream\nmessage 3\nabc",
                             "stream\nchunk\n",
                             "stream\nchunk -1\n",
                             "stream\nchunk 9223372036854775808\n",
                             "stream\nstream\n",
                             "stream\n\n",
                             "stream\nchunk 2\nabend\n\n",
                             "stream\nend \n"}) {
        INFO(text);
        CHECK(refused(text));
    }
    CHECK_FALSE(refused("message 9223372036854775807\nx"));
}

TEST_CASE("unsolicited output is refused") {
    CHECK(heard("same\nsame\n") == "same broken");
    CHECK(heard("same\n\n") == "same broken");
    CHECK(heard("message 3\nabcd") == "begins abc end broken");
    CHECK(heard("message 3\nabc\n") == "begins abc end broken");
    CHECK(heard("stream\nchunk 1\nxend\n ") == "begins x end broken");
    CHECK(heard("fail x\ny") == "fail(x) broken");
    Heard early;
    CHECK_FALSE(early.hear("buzon-filter 1\nsame\n"));
}

TEST_CASE("the length of a line is limited, whether it arrives whole or octet by octet") {
    const std::string reason(AnswerParser::max_line - 5, 'x');
    CHECK(heard("fail " + reason + "\n") == "fail(" + reason + ") ");
    CHECK(refused("fail " + reason + "y\n"));
    CHECK(refused("fail " + reason + "y"));
    Heard slow;
    REQUIRE(slow.hear("buzon-filter 1\n"));
    slow.parser.expect();
    for (std::size_t i = 0; i < AnswerParser::max_line; ++i) REQUIRE(slow.hear("x"));
    CHECK_FALSE(slow.hear("x"));
    Heard hello;
    CHECK_FALSE(hello.hear(std::string(AnswerParser::max_line + 1, '\0')));
}

TEST_CASE("a dialogue is understood the same wherever it is split") {
    const std::string answer = "stream\nchunk 13\nend\nchunk 3\nxchunk 0\nchunk 1\n\nend\n";
    const std::string whole = heard(answer);
    CHECK(whole == "begins end\nchunk 3\nx\n end ");
    for (std::size_t cut = 0; cut <= answer.size(); ++cut) {
        Heard pieces;
        REQUIRE(pieces.hear("buzon-filter 1\n"));
        pieces.parser.expect();
        pieces.text.clear();
        REQUIRE(pieces.hear(answer.substr(0, cut)));
        CHECK(pieces.parser.idle() == (cut == answer.size()));
        CHECK(pieces.parser.expected().empty() == (cut == answer.size()));
        REQUIRE(pieces.hear(answer.substr(cut)));
        CHECK(pieces.text == whole);
        CHECK(pieces.parser.idle());
    }
}

TEST_CASE("one message can follow another") {
    Heard dialogue;
    REQUIRE(dialogue.hear("buzon-filter 1 stable\n"));
    for (int i = 0; i < 3; ++i) {
        dialogue.parser.expect();
        REQUIRE(dialogue.hear("same\n"));
        dialogue.parser.expect();
        REQUIRE(dialogue.hear("message 2\nab"));
        CHECK(dialogue.parser.idle());
    }
    CHECK(dialogue.text == "hello same begins ab end same begins ab end same begins ab end ");
}
