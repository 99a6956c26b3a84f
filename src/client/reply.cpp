#include "reply.h"

namespace buzon::client {
namespace {

// Limit on a list: a broken server must not exhaust the client's memory.
constexpr std::size_t max_octets = std::size_t{256} * 1024 * 1024;

// "+OK" alone, or followed by a blank and text.
bool begins_with_word(std::string_view line, std::string_view word) noexcept {
    return line.substr(0, word.size()) == word && (line.size() == word.size() || line[word.size()] == ' ');
}

} // namespace

std::string_view unstuffed(std::string_view wire_line) noexcept {
    if (!wire_line.empty() && wire_line.front() == '.') wire_line.remove_prefix(1);
    return wire_line;
}

ReplyReader::Progress ReplyReader::take(std::string_view wire_line) {
    switch (stage_) {
    case Stage::status: return take_status(wire_line);
    case Stage::guess:
        if (begins_with_word(wire_line, "+OK")) return Progress::done;
        stage_ = Stage::list;
        reply_.has_lines = true;
        return take_listed(wire_line);
    case Stage::list: return take_listed(wire_line);
    case Stage::fence: return Progress::done;
    }
    return Progress::not_the_protocol;
}

ReplyReader::Progress ReplyReader::take_status(std::string_view line) {
    reply_.ok = begins_with_word(line, "+OK");
    const std::size_t word = reply_.ok ? 3 : 4;
    if (!reply_.ok && !begins_with_word(line, "-ERR")) return Progress::not_the_protocol;
    reply_.status = line;
    reply_.text = line.size() > word ? line.substr(word + 1) : std::string_view{};
    if (shape_ == Shape::unknown) {
        stage_ = reply_.ok ? Stage::guess : Stage::fence;
        return Progress::more;
    }
    if (shape_ != Shape::list || !reply_.ok) return Progress::done;
    stage_ = Stage::list;
    reply_.has_lines = true;
    return Progress::more;
}

ReplyReader::Progress ReplyReader::take_listed(std::string_view line) {
    if (line == ".") {
        if (shape_ != Shape::unknown) return Progress::done;
        stage_ = Stage::fence;
        return Progress::more;
    }
    octets_ += line.size() + sizeof(std::string);
    if (octets_ > max_octets) return Progress::too_much;
    reply_.lines.emplace_back(unstuffed(line));
    return Progress::more;
}

} // namespace buzon::client
