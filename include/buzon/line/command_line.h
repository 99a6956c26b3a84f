// line/command_line.h - splits a line into verb and arguments. Knows no commands.
#pragma once

#include <cstddef>
#include <string_view>

namespace buzon::line {

// `verb` is everything before the first space, `rest` everything after that one space, unchanged: a password may begin
// or end with spaces (RFC 1939 section 7, PASS). Both point into the line.
struct CommandLine {
    std::string_view verb;
    std::string_view rest;
};

[[nodiscard]] constexpr CommandLine split_command(std::string_view line) noexcept {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return {line, {}};
    return {line.substr(0, space), line.substr(space + 1)};
}

[[nodiscard]] constexpr std::string_view without_outer_spaces(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// Takes the next word off the front of `text`; several spaces count as one. Empty if there is none.
[[nodiscard]] constexpr std::string_view take_word(std::string_view& text) noexcept {
    while (text.starts_with(' ')) text.remove_prefix(1);
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    return word;
}

[[nodiscard]] constexpr std::size_t count_words(std::string_view text) noexcept {
    std::size_t words = 0;
    while (!take_word(text).empty()) ++words;
    return words;
}

[[nodiscard]] constexpr char ascii_upper(char c) noexcept {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

// Ignores the case of ASCII letters only, whatever the locale. Compares the whole texts.
[[nodiscard]] constexpr bool equals_ignoring_case(std::string_view left, std::string_view right) noexcept {
    if (left.size() != right.size()) return false;
    for (std::size_t i = 0; i < left.size(); ++i) {
        if (ascii_upper(left[i]) != ascii_upper(right[i])) return false;
    }
    return true;
}

} // namespace buzon::line
