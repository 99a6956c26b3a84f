#include "buzon/talk/reply.h"

namespace buzon::client {
namespace {

// The limit on a list, so that a broken server cannot exhaust the client's memory.
constexpr std::size_t max_octets = std::size_t{256} * 1024 * 1024;

// For "+OK" alone, or followed by a blank and text.
bool begins_with_word(std::string_view line, std::string_view word) noexcept {
    return line.substr(0, word.size()) == word && (line.size() == word.size() || line[word.size()] == ' ');
}

} // namespace

std::string_view unstuffed(std::string_view wire_line) noexcept {
    if (!wire_line.empty() && wire_line.front() == '.') wire_line.remove_prefix(1);
    return wire_line;
}

ReplyReader::Progress ReplyReader::take(std::string_view wire_line) {
    if (!listing_) return take_status(wire_line);
    if (wire_line == ".") return Progress::done;
    octets_ += wire_line.size() + sizeof(std::string);
    if (octets_ > max_octets) return Progress::too_much;
    reply_.lines.emplace_back(unstuffed(wire_line));
    return Progress::more;
}

ReplyReader::Progress ReplyReader::take_status(std::string_view line) {
    reply_.ok = begins_with_word(line, "+OK");
    const std::size_t word = reply_.ok ? 3 : 4;
    if (!reply_.ok && !begins_with_word(line, "-ERR")) return Progress::not_the_protocol;
    reply_.status = line;
    reply_.text = line.size() > word ? line.substr(word + 1) : std::string_view{};
    if (line != "+OK" || live_) return Progress::done;
    listing_ = reply_.has_lines = true;
    return Progress::more;
}

} // namespace buzon::client
