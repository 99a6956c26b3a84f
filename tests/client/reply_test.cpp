#include "../../src/client/reply.h"

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

TEST_CASE("a reply of one line ends with it") {
    ReplyReader reader{Shape::line};
    CHECK(reader.take("+OK 1;2;3;4") == Progress::done);
    CHECK(reader.reply().ok);
    CHECK(reader.reply().text == "1;2;3;4");
    CHECK_FALSE(reader.reply().has_lines);
}

TEST_CASE("a bare status has no text") {
    ReplyReader reader{Shape::line};
    CHECK(reader.take("+OK") == Progress::done);
    CHECK(reader.reply().text.empty());
}

TEST_CASE("a list ends with a lone dot, and its dot-stuffing is undone") {
    ReplyReader reader{Shape::list};
    CHECK(fed(reader, {"+OK", "..", ".. x", "", "..."}) ==
          std::vector{Progress::more, Progress::more, Progress::more, Progress::more, Progress::more});
    CHECK(reader.take(".") == Progress::done);
    CHECK(reader.reply().lines == std::vector<std::string>{".", ". x", "", ".."});
}

TEST_CASE("a refusal has no list behind it, whatever the command") {
    for (const Shape shape : {Shape::line, Shape::list, Shape::live}) {
        ReplyReader reader{shape};
        CHECK(reader.take("-ERR [AUTH] no") == Progress::done);
        CHECK_FALSE(reader.reply().ok);
        CHECK(reader.reply().text == "[AUTH] no");
    }
}

TEST_CASE("what is no status line is not the protocol") {
    for (const char* wrong : {"", "+OKAY", "+ OK", "-ERROR", "220 smtp", "HTTP/1.0 200 OK", "+ok"}) {
        ReplyReader reader{Shape::line};
        CHECK(reader.take(wrong) == Progress::not_the_protocol);
    }
}

TEST_CASE("the form of an unknown reply shows by the answer to the NOOP behind it") {
    ReplyReader one_line{Shape::unknown};
    CHECK(fed(one_line, {"+OK done", "+OK"}) == std::vector{Progress::more, Progress::done});
    CHECK_FALSE(one_line.reply().has_lines);

    ReplyReader list{Shape::unknown};
    CHECK(fed(list, {"+OK", "a", "+OK b", ".", "+OK"}) ==
          std::vector{Progress::more, Progress::more, Progress::more, Progress::more, Progress::done});
    CHECK(list.reply().lines == std::vector<std::string>{"a", "+OK b"});

    ReplyReader empty{Shape::unknown};
    CHECK(fed(empty, {"+OK", ".", "+OK"}) == std::vector{Progress::more, Progress::more, Progress::done});
    CHECK(empty.reply().has_lines);

    ReplyReader refused{Shape::unknown};
    CHECK(fed(refused, {"-ERR what", "+OK"}) == std::vector{Progress::more, Progress::done});
    CHECK_FALSE(refused.reply().ok);
}

TEST_CASE("a connection that ends before the answer to the NOOP still gave a reply") {
    ReplyReader reader{Shape::unknown};
    CHECK_FALSE(reader.may_end_here());
    static_cast<void>(reader.take("+OK bye"));
    CHECK(reader.may_end_here());
    static_cast<void>(reader.take("a list after all"));
    CHECK_FALSE(reader.may_end_here());
}
