#include "buzon/terminal/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace buzon::client {
namespace {

struct Range {
    char32_t first, last;
};

constexpr std::array<Range, 18> no_width = {{{0x300, 0x36F},
                                             {0x483, 0x489},
                                             {0x591, 0x5BD},
                                             {0x610, 0x61A},
                                             {0x64B, 0x65F},
                                             {0x6D6, 0x6DC},
                                             {0x900, 0x902},
                                             {0x93C, 0x93C},
                                             {0x941, 0x948},
                                             {0xE31, 0xE31},
                                             {0xE34, 0xE3A},
                                             {0xE47, 0xE4E},
                                             {0x1AB0, 0x1AFF},
                                             {0x1DC0, 0x1DFF},
                                             {0x200B, 0x200F},
                                             {0x20D0, 0x20FF},
                                             {0xFE00, 0xFE0F},
                                             {0xFE20, 0xFE2F}}};
constexpr std::array<Range, 13> two_columns = {{{0x1100, 0x115F},
                                                {0x2E80, 0x303E},
                                                {0x3041, 0x33FF},
                                                {0x3400, 0x4DBF},
                                                {0x4E00, 0x9FFF},
                                                {0xA000, 0xA4CF},
                                                {0xAC00, 0xD7A3},
                                                {0xF900, 0xFAFF},
                                                {0xFE30, 0xFE6F},
                                                {0xFF00, 0xFF60},
                                                {0xFFE0, 0xFFE6},
                                                {0x1F300, 0x1FAFF},
                                                {0x20000, 0x3FFFD}}};

template <std::size_t N>
bool within(const std::array<Range, N>& ranges, char32_t code) noexcept {
    return std::any_of(ranges.begin(), ranges.end(),
                       [code](Range range) { return code >= range.first && code <= range.last; });
}

// The length of the sequence that begins with this octet; 0 if none does.
std::size_t sequence_length(unsigned char lead) noexcept {
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return 2;
    if (lead >= 0xE0 && lead <= 0xEF) return 3;
    if (lead >= 0xF0 && lead <= 0xF4) return 4;
    return 0;
}

bool is_control(char32_t code) noexcept {
    return code < 0x20 || (code >= 0x7F && code < 0xA0);
}

// The longest prefix of `text` that fits in `width` columns.
std::string_view beginning(std::string_view text, std::size_t width) noexcept {
    std::size_t used = 0, at = 0;
    while (at < text.size()) {
        const Character here = first_character(text.substr(at));
        used += static_cast<std::size_t>(columns_of(here.code));
        if (used > width) break;
        at += here.octets;
    }
    return text.substr(0, at);
}

} // namespace

Character first_character(std::string_view text) noexcept {
    constexpr Character wrong{0xFFFD, 1};
    const auto octet = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const std::size_t length = sequence_length(octet(0));
    if (length == 0 || length > text.size()) return wrong;
    if (length == 1) return {octet(0), 1};
    char32_t code = octet(0) & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((octet(i) & 0xC0U) != 0x80U) return wrong;
        code = (code << 6U) | (octet(i) & 0x3FU);
    }
    const bool too_long = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    if (too_long || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return wrong;
    return {code, length};
}

int columns_of(char32_t code) noexcept {
    if (code < 0x300) return is_control(code) ? 0 : 1;
    if (within(no_width, code)) return 0;
    return within(two_columns, code) ? 2 : 1;
}

std::size_t columns(std::string_view text) noexcept {
    std::size_t sum = 0;
    while (!text.empty()) {
        const Character here = first_character(text);
        sum += static_cast<std::size_t>(columns_of(here.code));
        text.remove_prefix(here.octets);
    }
    return sum;
}

std::size_t after_character(std::string_view text, std::size_t at) noexcept {
    if (at >= text.size()) return text.size();
    at += first_character(text.substr(at)).octets;
    while (at < text.size()) {
        const Character next = first_character(text.substr(at));
        if (columns_of(next.code) != 0 || is_control(next.code)) break;
        at += next.octets;
    }
    return at;
}

std::size_t before_character(std::string_view text, std::size_t at) noexcept {
    // Scans from the front: both directions must agree on what is one character, even in invalid UTF-8.
    std::size_t place = 0;
    for (std::size_t next = after_character(text, 0); next < at; next = after_character(text, next)) place = next;
    return place;
}

std::string in_charset(std::string text, Charset charset) {
    if (charset == Charset::utf8) return text;
    std::string shown;
    for (std::string_view rest = text; !rest.empty();) {
        const Character here = first_character(rest);
        if (here.code < 0x80)
            shown += static_cast<char>(here.code);
        else
            shown.append(static_cast<std::size_t>(columns_of(here.code)), '?');
        rest.remove_prefix(here.octets);
    }
    return shown;
}

std::string printable(std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string shown;
    while (!text.empty()) {
        const Character here = first_character(text);
        if (here.code == '\t') {
            shown += ' ';
        } else if (is_control(here.code)) {
            shown += "\\x";
            shown += digits[here.code / 16];
            shown += digits[here.code % 16];
        } else if (here.code == 0xFFFD) {
            shown += "\xEF\xBF\xBD";
        } else {
            shown += text.substr(0, here.octets);
        }
        text.remove_prefix(here.octets);
    }
    return shown;
}

std::string fitted(std::string_view text, std::size_t width) {
    std::string shown{beginning(text, width)};
    return shown.append(width - columns(shown), ' ');
}

std::string fitted_line(std::string_view text, std::size_t width) {
    std::string line = fitted(text, width);
    line.erase(line.find_last_not_of(' ') + 1);
    return line += '\n';
}

std::string fitted_right(std::string_view text, std::size_t width) {
    const std::string_view shown = beginning(text, width);
    return std::string(width - columns(shown), ' ').append(shown);
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    for (;;) {
        const std::size_t begin = text.find_first_not_of(" \t");
        if (begin == std::string_view::npos) return words;
        text.remove_prefix(begin);
        const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
        words.push_back(text.substr(0, end));
        text.remove_prefix(end);
    }
}

std::string upper(std::string_view text) {
    std::string result{text};
    for (char& c : result) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return result;
}

std::optional<double> number_of(std::string_view text) noexcept {
    const auto digits = [](std::string_view part) {
        return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    };
    std::string_view rest = text;
    if (!rest.empty() && rest.front() == '-') rest.remove_prefix(1);
    const std::size_t dot = rest.find('.');
    const std::string_view whole = rest.substr(0, dot);
    if (!digits(whole) || (whole.size() > 1 && whole.front() == '0')) return std::nullopt;
    if (dot != std::string_view::npos && !digits(rest.substr(dot + 1))) return std::nullopt;
    double value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
    return value;
}

std::string fixed(double value, int digits) {
    char text[64];
    const auto [end, error] = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, digits);
    if (error != std::errc{}) return "?"; // more than 60 digits: no server counts that far
    return {text, end};
}

std::string shortened(double value, double step) {
    if (value < 0) return "-" + shortened(-value, step);
    static constexpr std::string_view units = "kMGTPE";
    if (value < 999.5) return fixed(value, value == std::floor(value) || value >= 99.95 ? 0 : 1);
    std::size_t unit = 0;
    value /= step;
    while (value >= 999.5 && unit + 1 < units.size()) {
        value /= step;
        ++unit;
    }
    return fixed(value, value < 9.95 ? 1 : 0) + units[unit];
}

} // namespace buzon::client
