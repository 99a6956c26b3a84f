// state/escape.cpp - escapes values in three formats with one scan.
#include "escape.h"

#include <algorithm>
#include <charconv>

#include "buzon/state/event.h"

namespace buzon::state {
namespace {

constexpr std::size_t max_value = 512;

// The length of the valid UTF-8 sequence at the start of `text`; 0 if there is none. Surrogates and overlong forms are
// invalid (RFC 3629), and so are C1 controls (U+0080..U+009F) here, because terminals obey them.
std::size_t utf8_length(std::string_view text) {
    const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const auto tail = [&](std::size_t i) { return (at(i) & 0xC0u) == 0x80u; };
    const unsigned first = at(0);
    if (first < 0xC2) return 0;
    if (first < 0xE0) return tail(1) && !(first == 0xC2 && at(1) < 0xA0) ? 2 : 0;
    if (first < 0xF0) {
        if (!tail(1) || !tail(2)) return 0;
        return (first == 0xE0 && at(1) < 0xA0) || (first == 0xED && at(1) >= 0xA0) ? 0 : 3;
    }
    if (first > 0xF4 || !tail(1) || !tail(2) || !tail(3)) return 0;
    return (first == 0xF0 && at(1) < 0x90) || (first == 0xF4 && at(1) >= 0x90) ? 0 : 4;
}

// Cuts a value to the maximum length, never inside a character.
std::string_view shorten(std::string_view text) {
    if (text.size() <= max_value) return text;
    std::size_t end = max_value - 3;
    for (int i = 0; i < 3 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u; ++i) --end;
    return text.substr(0, end);
}

void append_hex(char c, std::string& out) {
    constexpr char digits[] = "0123456789ABCDEF";
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15u];
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// An octet above 0x7F that is not part of a character.
bool is_stray(char c) {
    return static_cast<unsigned char>(c) >= 0x80;
}

// Copies non-ASCII UTF-8 characters; passes every other octet to put(octet).
template <class Put>
void walk(std::string_view text, std::string& out, Put put) {
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t n = is_stray(text[i]) ? utf8_length(text.substr(i)) : 0;
        if (n == 0)
            put(text[i]);
        else
            out += text.substr(i, n);
        i += n == 0 ? 1 : n;
    }
}

template <class Put>
void append_quoted(std::string_view value, std::string& out, Put put) {
    const std::string_view part = shorten(value);
    out += '"';
    walk(part, out, put);
    if (part.size() < value.size()) out += "...";
    out += '"';
}

} // namespace

void append_number(std::uint64_t number, std::string& out) {
    char digits[20];
    const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), number);
    (void)error; // 20 digits always suffice
    out.append(digits, end);
}

void append_text_value(std::string_view value, std::string& out) {
    const auto plain = [](char c) { return c > ' ' && c < 0x7F && c != '"' && c != '\\' && c != '='; };
    if (!value.empty() && value.size() <= max_value && std::all_of(value.begin(), value.end(), plain)) {
        out += value;
        return;
    }
    append_quoted(value, out, [&](char c) {
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (c == '\n')
            out += "\\n";
        else if (c == '\r')
            out += "\\r";
        else if (c == '\t')
            out += "\\t";
        else if (is_control(c) || is_stray(c))
            append_hex(c, out += "\\x");
        else
            out += c;
    });
}

void append_json_value(std::string_view value, std::string& out) {
    append_quoted(value, out, [&](char c) {
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (is_control(c))
            append_hex(c, out += "\\u00");
        else if (is_stray(c))
            out += "\\uFFFD";
        else
            out += c;
    });
}

void append_syslog_value(std::string_view value, std::string& out) {
    append_quoted(value, out, [&](char c) {
        if (c == '"' || c == '\\' || c == ']')
            (out += '\\') += c;
        else if (is_control(c) || is_stray(c))
            append_hex(c, out += "\\\\x"); // shows as \xHH, as in the text form
        else
            out += c;
    });
}

void append_word(std::string_view text, std::string& out) {
    if (text.empty()) {
        out += '-';
        return;
    }
    const bool lone_dash = text == "-"; // would mean "none"
    walk(text, out, [&](char c) {
        if (c == ' ' || c == '%' || is_control(c) || is_stray(c) || lone_dash)
            append_hex(c, out += '%');
        else
            out += c;
    });
}

} // namespace buzon::state
