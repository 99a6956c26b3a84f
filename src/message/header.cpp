#include "buzon/message/header.h"

#include <algorithm>
#include <cstdint>

#include "charset.h"

namespace buzon::message {
namespace {

bool is_space(char c) noexcept {
    return c == ' ' || c == '\t';
}

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// The first line, including its line end.
std::string_view first_line(std::string_view text) noexcept {
    return text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
}

std::string_view trimmed(std::string_view text) noexcept {
    const auto outer = [](char c) { return is_space(c) || c == '\r' || c == '\n'; };
    while (!text.empty() && outer(text.front())) text.remove_prefix(1);
    while (!text.empty() && outer(text.back())) text.remove_suffix(1);
    return text;
}

int digit_of(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string from_q(std::string_view text) {
    std::string octets;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '=' && i + 2 < text.size() ? digit_of(text[i + 1]) : -1;
        const int low = high >= 0 ? digit_of(text[i + 2]) : -1;
        if (low >= 0) {
            octets += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            octets += text[i] == '_' ? ' ' : text[i];
        }
    }
    return octets;
}

std::string from_base64(std::string_view text) {
    std::string octets;
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        std::uint32_t value = 0;
        if (c >= 'A' && c <= 'Z')
            value = static_cast<std::uint32_t>(c - 'A');
        else if (c >= 'a' && c <= 'z')
            value = static_cast<std::uint32_t>(c - 'a') + 26;
        else if (c >= '0' && c <= '9')
            value = static_cast<std::uint32_t>(c - '0') + 52;
        else if (c == '+')
            value = 62;
        else if (c == '/')
            value = 63;
        else
            continue; // padding and stray characters
        bits = bits << 6 | value;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        octets += static_cast<char>(bits >> count & 0xFF);
    }
    return octets;
}

struct EncodedWord {
    std::string_view whole;
    Charset charset;
    std::string_view name; // of the charset
    std::string octets;

    [[nodiscard]] bool same_charset(Charset other, std::string_view other_name) const noexcept {
        return charset == other && (charset != Charset::foreign || same_name(name, other_name));
    }
};

std::optional<Charset> charset_among(Charsets charsets, std::string_view name) {
    const std::optional<Charset> known = charset_named(name);
    if (known || charsets == Charsets::built_in || !is_foreign_charset(name)) return known;
    return Charset::foreign;
}

// =?CHARSET[*LANGUAGE]?B|Q?TEXT?= at the beginning of `text`.
std::optional<EncodedWord> encoded_word(std::string_view text, Charsets charsets) {
    if (text.substr(0, 2) != "=?") return std::nullopt;
    const std::size_t charset_end = text.find('?', 2);
    if (charset_end == text.npos || charset_end + 2 >= text.size() || text[charset_end + 2] != '?') return std::nullopt;
    const std::size_t start = charset_end + 3;
    // Up to the first octet that cannot be part of it: a search for "?=" would go through all of the text each time.
    const std::size_t end = text.find_first_of(" \t?", start);
    if (end == text.npos || text.substr(end, 2) != "?=") return std::nullopt;
    std::string_view name = text.substr(2, charset_end - 2);
    const std::string_view content = text.substr(start, end - start);
    if (name.find(' ') != name.npos) return std::nullopt;
    name = name.substr(0, name.find('*'));
    const char encoding = lower(text[charset_end + 1]);
    if (encoding != 'q' && encoding != 'b') return std::nullopt;
    const std::optional<Charset> charset = charset_among(charsets, name);
    if (!charset) return std::nullopt;
    return EncodedWord{text.substr(0, end + 2), *charset, name,
                       encoding == 'q' ? from_q(content) : from_base64(content)};
}

} // namespace

std::string_view header_of(std::string_view stored) noexcept {
    std::string_view rest = stored;
    while (!rest.empty()) {
        const std::string_view line = first_line(rest);
        if (line == "\n" || line == "\r\n") break;
        rest.remove_prefix(line.size());
    }
    return stored.substr(0, stored.size() - rest.size());
}

std::optional<HeaderFields::Field> HeaderFields::next() noexcept {
    while (!rest_.empty()) {
        std::size_t size = first_line(rest_).size();
        while (size < rest_.size() && is_space(rest_[size])) size += first_line(rest_.substr(size)).size();
        const std::string_view field = rest_.substr(0, size);
        rest_.remove_prefix(size);
        const std::size_t colon = field.find(':');
        if (colon == field.npos || is_space(field.front())) continue;
        std::string_view name = field.substr(0, colon);
        while (!name.empty() && is_space(name.back())) name.remove_suffix(1); // obsolete syntax, but still in use
        if (name.empty() || name.find_first_of(" \t\r\n") != name.npos) continue;
        return Field{name, field.substr(colon + 1)};
    }
    return std::nullopt;
}

HeaderOctets::Found HeaderOctets::feed(std::string_view stored) noexcept {
    for (const char c : stored) {
        if ((static_cast<unsigned char>(c) & 0x80) != 0) return Found::eight_bit;
        if (c == '\n') {
            if (line_ != Line::other) return Found::only_ascii; // the first blank line
            line_ = Line::empty;
        } else {
            line_ = c == '\r' && line_ == Line::empty ? Line::carriage_return : Line::other;
        }
    }
    return Found::nothing_yet;
}

std::string unfolded(std::string_view folded_body) {
    std::string body;
    std::string_view text = trimmed(folded_body);
    while (!text.empty()) {
        const std::string_view line = first_line(text);
        text.remove_prefix(line.size());
        if (trimmed(line).empty()) continue;
        if (!body.empty()) body += ' ';
        body += trimmed(line);
    }
    return body;
}

std::string decoded(std::string_view unfolded_body, Charsets charsets) {
    std::string text;
    // Octets of adjacent words in one charset are joined first, because some senders split a UTF-8 character.
    std::string octets;
    Charset charset = Charset::utf8;
    std::string_view name;
    const auto flush = [&] {
        text += charset == Charset::foreign ? foreign_to_utf8(octets, name) : to_utf8(octets, charset);
        octets.clear();
    };
    bool after_word = false;
    while (!unfolded_body.empty()) {
        const std::size_t space = std::min(unfolded_body.find_first_not_of(" \t"), unfolded_body.size());
        if (const auto word = encoded_word(unfolded_body.substr(space), charsets)) {
            if (!after_word || !word->same_charset(charset, name)) flush();
            if (!after_word) text += unfolded_body.substr(0, space);
            charset = word->charset;
            name = word->name;
            octets += word->octets;
            unfolded_body.remove_prefix(space + word->whole.size());
            after_word = true;
            continue;
        }
        flush();
        after_word = false;
        // Up to the next place where an encoded word may begin. Against the rules, some begin inside another word.
        std::size_t end = std::min(space + 1, unfolded_body.size());
        while (end < unfolded_body.size() && unfolded_body[end] != ' ' && unfolded_body[end] != '\t' &&
               unfolded_body.substr(end, 2) != "=?")
            ++end;
        text += to_utf8(unfolded_body.substr(0, end), Charset::unknown);
        unfolded_body.remove_prefix(end);
    }
    flush();
    return text;
}

std::string lower_latin(std::string_view utf8) {
    std::string text{utf8};
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto lead = static_cast<unsigned char>(text[i]);
        if (lead < 0x80) {
            text[i] = lower(text[i]);
            continue;
        }
        if (lead < 0xC3 || lead > 0xC5 || i + 1 == text.size()) continue; // U+00C0 to U+017F
        const unsigned point = (lead & 0x1Fu) << 6 | (static_cast<unsigned char>(text[i + 1]) & 0x3Fu);
        const unsigned small = lower_letter(point);
        text[i] = static_cast<char>(0xC0 | small >> 6);
        text[i + 1] = static_cast<char>(0x80 | (small & 0x3F));
        ++i;
    }
    return text;
}

bool same_name(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

} // namespace buzon::message
