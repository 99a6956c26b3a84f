// manage/words.h - helpers for lines of the management protocol.
#pragma once

#include <string>
#include <string_view>

namespace buzon::manage {

[[nodiscard]] inline std::string_view skip_blanks(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    return begin == std::string_view::npos ? std::string_view{} : text.substr(begin);
}

[[nodiscard]] inline std::string_view trim_blanks(std::string_view text) {
    text = skip_blanks(text);
    return text.substr(0, text.find_last_not_of(" \t") + 1);
}

// Takes the first word, and one blank after it, off `rest`. Returns "" if there is no word.
[[nodiscard]] inline std::string_view take_word(std::string_view& rest) {
    rest = skip_blanks(rest);
    const std::size_t end = rest.find_first_of(" \t");
    const std::string_view word = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    return word;
}

// Replaces control characters, since a path or a reason may contain anything.
inline void append_clean(std::string_view text, std::string& out) {
    for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
}

// One line of a multi-line reply: dot-stuffed, ended by CRLF.
inline void append_stuffed(std::string_view line, std::string& out) {
    if (!line.empty() && line.front() == '.') out += '.';
    append_clean(line, out);
    out += "\r\n";
}

inline void append_ok(std::string_view text, std::string& out) {
    out += text.empty() ? "+OK" : "+OK ";
    append_clean(text, out);
    out += "\r\n";
}

inline void append_error(std::string_view why, std::string& out) {
    out += "-ERR ";
    append_clean(why, out);
    out += "\r\n";
}

} // namespace buzon::manage
