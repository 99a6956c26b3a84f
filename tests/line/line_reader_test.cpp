#include "buzon/line/line_reader.h"

#include <string>
#include <vector>

#include "support/catch.h"

using buzon::line::LineReader;

namespace {

// A miniature connection: feeds pieces, puts the rest of one piece before the next, and records the events.
class Feeder {
public:
    explicit Feeder(std::size_t limit) : reader{limit} {}

    void feed(std::string_view piece) {
        kept_ += piece;
        std::string_view input = kept_;
        for (;;) {
            const LineReader::Next next = reader.next(input);
            if (next.kind == LineReader::Kind::more) break;
            note(next);
        }
        CHECK(input.size() < reader.limit());
        kept_.erase(0, kept_.size() - input.size());
    }
    [[nodiscard]] std::size_t kept() const { return kept_.size(); }

    LineReader reader;
    std::vector<std::string> events;

private:
    void note(const LineReader::Next& next) {
        switch (next.kind) {
        case LineReader::Kind::line: events.push_back("line " + std::string{next.text}); break;
        case LineReader::Kind::too_long: events.emplace_back("too long"); break;
        case LineReader::Kind::invalid: events.emplace_back("invalid"); break;
        case LineReader::Kind::more: FAIL("more is no event");
        }
    }
    std::string kept_;
};

using Events = std::vector<std::string>;

Events events_of(std::string_view input, std::size_t limit) {
    Feeder feeder{limit};
    feeder.feed(input);
    return feeder.events;
}

} // namespace

TEST_CASE("lines end with CRLF or LF, and a CR elsewhere is data") {
    CHECK(events_of("STAT\r\nLIST\nA\rB\r\r\n\n\r\n", 255) ==
          Events{"line STAT", "line LIST", "line A\rB\r", "line ", "line "});
}

TEST_CASE("an incomplete line is not returned, even if only the LF is missing") {
    Feeder feeder{255};
    feeder.feed("QUIT");
    feeder.feed("\r");
    CHECK(feeder.events.empty());
    CHECK(feeder.kept() == 5);
    feeder.feed("\n");
    CHECK(feeder.events == Events{"line QUIT"});
    CHECK(feeder.kept() == 0);
}

TEST_CASE("a line of exactly the limit is accepted, and one octet more is too long") {
    const std::string fits(253, 'x');
    CHECK(events_of(fits + "\r\nNOOP\r\n", 255) == Events{"line " + fits, "line NOOP"});
    CHECK(events_of(fits + "y\r\nNOOP\r\n", 255) == Events{"too long", "line NOOP"});
    CHECK(events_of(fits + "y\nNOOP\r\n", 255) == Events{"line " + fits + "y", "line NOOP"});
    CHECK(events_of(fits + "yz\nNOOP\r\n", 255) == Events{"too long", "line NOOP"});
}

TEST_CASE("the rest of a line that is too long is never taken as a command") {
    const std::string rest = "DELE 1 QUIT DELE 1";
    for (std::size_t length = 255; length < 800; length += 17) {
        CHECK(events_of(std::string(length, 'x') + rest + "\r\nNOOP\r\n", 255) == Events{"too long", "line NOOP"});
    }
}

TEST_CASE("an endless line is reported once and not stored") {
    Feeder feeder{255};
    for (int i = 0; i < 1000; ++i) {
        feeder.feed(std::string(100, 'x'));
        CHECK(feeder.kept() < 255);
    }
    CHECK(feeder.events == Events{"too long"});
    feeder.feed("DELE 1\nNOOP\n");
    CHECK(feeder.events == Events{"too long", "line NOOP"});
}

TEST_CASE("two lines that are too long give two events") {
    const std::string longer(300, 'x');
    CHECK(events_of(longer + "\n" + longer + "\r\nNOOP\n", 255) == Events{"too long", "too long", "line NOOP"});
}

TEST_CASE("a NUL makes its own line invalid, and no other") {
    using namespace std::string_literals;
    CHECK(events_of("A\r\nDE\0LE\0 1\r\n\0\nB\r\n"s, 255) == Events{"line A", "invalid", "invalid", "line B"});
    CHECK(events_of("\0"s + std::string(300, 'x') + "\nB\n", 255) == Events{"too long", "line B"});
    CHECK(events_of("QUIT\0"s, 255).empty());
}

TEST_CASE("the events are the same wherever the input is cut in three") {
    using namespace std::string_literals;
    const std::string input =
        "USER a\r\n\nPASS  b \nlonger than twelve\r\nN\0L\r\n0123456789\r\n01234567890\r\n\rX\r\r\nend"s;
    const Events whole = events_of(input, 12);
    REQUIRE(whole == Events{"line USER a", "line ", "line PASS  b ", "too long", "invalid", "line 0123456789",
                            "too long", "line \rX\r"});
    for (std::size_t first = 0; first <= input.size(); ++first) {
        for (std::size_t second = first; second <= input.size(); ++second) {
            Feeder feeder{12};
            feeder.feed(input.substr(0, first));
            feeder.feed(input.substr(first, second - first));
            feeder.feed(input.substr(second));
            REQUIRE(feeder.events == whole);
        }
    }
}

TEST_CASE("the events are the same if every octet arrives alone") {
    const std::string input = "USER a\r\n" + std::string(400, 'y') + "\r\nSTAT\nNOOP\r\n";
    Feeder feeder{255};
    for (const char octet : input) feeder.feed({&octet, 1});
    CHECK(feeder.events == Events{"line USER a", "too long", "line STAT", "line NOOP"});
}

TEST_CASE("the limit may change from one line to the next, even if the next line has already arrived") {
    const std::string answer(1000, 'A');
    std::string_view input;
    const std::string wire = "AUTH PLAIN\r\n" + answer + "\r\n" + answer + "\r\n";
    input = wire;
    LineReader reader{255};
    CHECK(reader.next(input).text == "AUTH PLAIN");
    reader.set_limit(12288);
    CHECK(reader.next(input).text == answer);
    reader.set_limit(255);
    CHECK(reader.next(input).kind == LineReader::Kind::too_long);
    CHECK(reader.next(input).kind == LineReader::Kind::more);
    CHECK(input.empty());
}

TEST_CASE("a lowered limit applies to a line that has partly arrived") {
    Feeder feeder{1000};
    feeder.feed(std::string(500, 'x'));
    CHECK(feeder.kept() == 500);
    feeder.reader.set_limit(255);
    feeder.feed("\nNOOP\n");
    CHECK(feeder.events == Events{"too long", "line NOOP"});
}

TEST_CASE("a line points into the input: nothing is copied") {
    const std::string wire = "NOOP\r\nSTAT\r\n";
    std::string_view input = wire;
    LineReader reader{255};
    CHECK(reader.next(input).text.data() == wire.data());
    CHECK(reader.next(input).text.data() == wire.data() + 6);
    CHECK(sizeof(LineReader) <= 16);
}
