#include "buzon/filter/answer_parser.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "buzon/line/number.h"

namespace buzon::filter {
namespace {

// No file can be larger.
constexpr std::uint64_t max_count = std::numeric_limits<std::int64_t>::max();

constexpr std::string_view words_of_hello = "buzon-filter ";
constexpr std::string_view word_of_fail = "fail";

// The beginning of a line, for an error message.
std::string excerpt(std::string_view line) {
    constexpr std::size_t shown = 60;
    return "\"" + std::string{line.substr(0, shown)} + (line.size() > shown ? "...\"" : "\"");
}

} // namespace

AnswerParser::What AnswerParser::next(std::string_view& input) {
    switch (state_) {
    case State::broken: return What::broken;
    case State::idle: return input.empty() ? What::more : broken("it wrote unrequested output");
    case State::body:
    case State::chunk: return take_octets(input);
    default: break;
    }
    if (!read_line(input)) return state_ == State::broken ? What::broken : What::more;
    What what = What::more;
    if (state_ == State::hello)
        what = take_hello();
    else if (state_ == State::answer)
        what = take_answer();
    else
        what = take_chunk_head();
    line_.clear();
    // A chunk has begun: go on with its octets.
    return what == What::more ? next(input) : what;
}

bool AnswerParser::read_line(std::string_view& input) {
    const std::size_t end = input.find('\n');
    const std::string_view piece = input.substr(0, end);
    if (line_.size() + piece.size() > max_line) {
        (void)broken("it wrote a line of more than " + std::to_string(max_line) + " octets");
        return false;
    }
    line_ += piece;
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    return end != std::string_view::npos;
}

AnswerParser::What AnswerParser::take_hello() {
    std::string_view words = line_;
    if (!words.starts_with(words_of_hello)) return broken("not a handshake: " + excerpt(line_));
    words.remove_prefix(words_of_hello.size());
    if (words != "1" && words != "1 stable") return broken("unsupported version: " + excerpt(line_));
    stable_ = words != "1";
    state_ = State::idle;
    return What::hello;
}

AnswerParser::What AnswerParser::take_answer() {
    const std::string_view line = line_;
    if (line == "same") {
        state_ = State::idle;
        return What::same;
    }
    if (line == "stream") {
        state_ = State::chunk_head;
        return What::begins;
    }
    if (line.starts_with("message ")) {
        if (!take_count(line.substr(8))) return What::broken;
        state_ = State::body;
        return What::begins;
    }
    return take_fail();
}

AnswerParser::What AnswerParser::take_chunk_head() {
    const std::string_view line = line_;
    if (line == "end") {
        state_ = State::idle;
        return What::end;
    }
    if (line.starts_with("chunk ")) {
        if (!take_count(line.substr(6))) return What::broken;
        if (left_ != 0) state_ = State::chunk;
        return What::more;
    }
    return take_fail();
}

AnswerParser::What AnswerParser::take_fail() {
    const std::string_view line = line_;
    const bool bare = line == word_of_fail;
    if (!bare && !(line.starts_with(word_of_fail) && line[word_of_fail.size()] == ' '))
        return broken("not an answer: " + excerpt(line_));
    state_ = State::idle;
    kept_ = line.substr(std::min(line.size(), word_of_fail.size() + 1));
    text_ = kept_;
    return What::fail;
}

AnswerParser::What AnswerParser::take_octets(std::string_view& input) {
    if (left_ == 0) { // the message is complete; within a chunk, some octets are always left
        state_ = State::idle;
        return What::end;
    }
    if (input.empty()) return What::more;
    text_ = input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size())));
    input.remove_prefix(text_.size());
    left_ -= text_.size();
    if (left_ == 0 && state_ == State::chunk) state_ = State::chunk_head;
    return What::octets;
}

bool AnswerParser::take_count(std::string_view word) {
    const auto count = line::parse_whole<std::uint64_t>(word, 0, max_count);
    if (!count) return broken("not an octet count: " + excerpt(line_)) != What::broken;
    left_ = *count;
    return true;
}

AnswerParser::What AnswerParser::broken(std::string why) {
    state_ = State::broken;
    kept_ = std::move(why);
    text_ = kept_;
    return What::broken;
}

std::string_view AnswerParser::expected() const noexcept {
    switch (state_) {
    case State::hello: return "its handshake";
    case State::answer: return line_.empty() ? "its answer" : "the end of its line";
    case State::body: return "the rest of its message";
    case State::chunk: return "the rest of a chunk";
    case State::chunk_head: return "the next chunk";
    default: return {};
    }
}

} // namespace buzon::filter
