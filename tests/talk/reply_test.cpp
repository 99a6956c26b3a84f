#include "buzon/talk/reply.h"

#include "support/catch.h"

using namespace buzon::client;
using Progress = ReplyReader::Progress;

namespace {

// The progress after each line.
std::vector<Progress> fed(ReplyReader& reader, std::initializer_list<const char*> lines) {
    std::vector<Progress> all;
    for (const char* line : lines) all.push_back(reader.take(line));
    return all;
}

} // namespace

TEST_CASE("a status line with a text is the whole reply") {
    for (const char* line : {"+OK 1;2;3;4", "+OK done", "+OK "}) {
        ReplyReader reader;
        CHECK(reader.take(line) == Progress::done);
        CHECK(reader.reply().ok);
        CHECK(reader.reply().text == line + 4);
        CHECK_FALSE(reader.reply().has_lines);
    }
}

TEST_CASE("a bare +OK announces lines up to a lone dot, and their dot-stuffing is undone") {
    ReplyReader reader;
    CHECK(fed(reader, {"+OK", "..", ".. x", "", "..."}) ==
          std::vector{Progress::more, Progress::more, Progress::more, Progress::more, Progress::more});
    CHECK(reader.take(".") == Progress::done);
    CHECK(reader.reply().lines == std::vector<std::string>{".", ". x", "", ".."});

    ReplyReader empty;
    CHECK(fed(empty, {"+OK", "."}) == std::vector{Progress::more, Progress::done});
    CHECK(empty.reply().has_lines);
}

TEST_CASE("the status line of a live view is its whole reply") {
    ReplyReader reader{true};
    CHECK(reader.take("+OK") == Progress::done);
    CHECK(reader.reply().text.empty());
}

TEST_CASE("a refusal is not followed by lines") {
    for (const bool live : {false, true}) {
        ReplyReader reader{live};
        CHECK(reader.take("-ERR [AUTH] no") == Progress::done);
        CHECK_FALSE(reader.reply().ok);
        CHECK(reader.reply().text == "[AUTH] no");
        ReplyReader bare{live};
        CHECK(bare.take("-ERR") == Progress::done);
    }
}

TEST_CASE("a reply without a status line is not this protocol") {
    for (const char* wrong : {"", "+OKAY", "+ OK", "-ERROR", "220 smtp", "HTTP/1.0 200 OK", "+ok"}) {
        ReplyReader reader;
        CHECK(reader.take(wrong) == Progress::not_the_protocol);
    }
}
