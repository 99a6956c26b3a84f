#include "buzon/message/uidl_format.h"

#include <algorithm>
#include <charconv>

namespace buzon::message {
namespace {

constexpr std::size_t widest = 70; // no UIDL is longer

std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

bool take_number(std::string_view& rest, std::size_t& number) noexcept {
    const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc{}) return false;
    rest.remove_prefix(static_cast<std::size_t>(stop - rest.data()));
    return number <= widest;
}

std::string digits(std::uint64_t number, bool hex) {
    char text[24];
    return {text, std::to_chars(text, text + sizeof text, number, hex ? 16 : 10).ptr};
}

void map_letters(std::string& text, char first, char last) {
    for (char& c : text)
        if (c >= first && c <= last) c = static_cast<char>(c ^ 0x20);
}

} // namespace

bool UidlFormat::name(std::string_view variable, Part& part) {
    if (variable == "u" || variable == "uid")
        part.what = What::uid;
    else if (variable == "v" || variable == "uidvalidity")
        part.what = What::uid_validity;
    else if (variable == "f" || variable == "filename")
        part.what = What::file_name;
    else if (variable == "g" || variable == "guid")
        part.what = What::guid;
    else
        return false;
    return true;
}

// %[0][WIDTH][X|L|U]VARIABLE, as in versions up to 2.3.
bool UidlFormat::parse_old(std::string_view& rest, Part& part) {
    if (!rest.empty() && rest.front() == '0') {
        part.pad = true;
        rest.remove_prefix(1);
    }
    if (!rest.empty() && rest.front() >= '1' && rest.front() <= '9' && !take_number(rest, part.width)) return false;
    for (; !rest.empty(); rest.remove_prefix(1)) {
        if (rest.front() == 'X')
            part.hex = true;
        else if (rest.front() == 'L')
            part.lower = true;
        else if (rest.front() == 'U')
            part.upper = true;
        else
            break;
    }
    if (rest.empty() || !name(rest.substr(0, 1), part)) return false;
    rest.remove_prefix(1);
    return true;
}

// %{VARIABLE [| hex(WIDTH)] [| lower] [| upper]}, as in 2.4. Also the long variable names of 2.3.
bool UidlFormat::parse_new(std::string_view& rest, Part& part) {
    const std::size_t end = rest.find('}');
    if (end == rest.npos) return false;
    std::string_view inside = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    for (bool first = true; !inside.empty() || first; first = false) {
        const std::string_view word = trimmed(inside.substr(0, inside.find('|')));
        inside.remove_prefix(std::min(inside.size(), inside.find('|')));
        if (!inside.empty()) inside.remove_prefix(1);
        if (first) {
            if (!name(word, part)) return false;
        } else if (word == "lower") {
            part.lower = true;
        } else if (word == "upper") {
            part.upper = true;
        } else if (word.substr(0, 3) == "hex") {
            part.hex = true;
            std::string_view width = word.substr(3);
            if (width.empty()) continue;
            if (width.front() != '(' || width.back() != ')') return false;
            width = width.substr(1, width.size() - 2);
            part.pad = part.keep_last = true;
            if (!take_number(width, part.width) || !width.empty()) return false;
        } else {
            return false;
        }
    }
    return true;
}

UidlFormat UidlFormat::parse(std::string_view text, std::string& trouble) {
    UidlFormat format;
    bool tells_messages_apart = false;
    for (std::string_view rest = text; !rest.empty();) {
        Part part;
        const std::size_t literal = std::min(rest.find('%'), rest.size());
        if (literal != 0 || rest.substr(0, 2) == "%%") {
            part.text = literal != 0 ? rest.substr(0, literal) : "%";
            rest.remove_prefix(literal != 0 ? literal : 2);
            if (std::any_of(part.text.begin(), part.text.end(), [](char c) { return c <= ' ' || c > '~'; })) {
                trouble = "the UIDL format contains characters that are not allowed in a UIDL";
                return {};
            }
        } else {
            const std::string_view at = rest;
            rest.remove_prefix(1);
            const bool is_new = !rest.empty() && rest.front() == '{';
            if (is_new) rest.remove_prefix(1);
            if (!(is_new ? parse_new(rest, part) : parse_old(rest, part))) {
                trouble = "cannot parse \"" + std::string{at} + "\" in the UIDL format";
                return {};
            }
            tells_messages_apart |= part.what != What::uid_validity;
        }
        format.parts_.push_back(std::move(part));
    }
    if (!tells_messages_apart) {
        trouble = "the UIDL format gives every message the same UIDL";
        return {};
    }
    trouble.clear();
    return format;
}

std::string UidlFormat::fill_in(const UidlValues& values) const {
    std::string all;
    for (const Part& part : parts_) {
        std::string text;
        switch (part.what) {
        case What::text: all += part.text; continue;
        case What::uid: text = digits(values.uid, part.hex); break;
        case What::uid_validity: text = digits(values.uid_validity, part.hex); break;
        case What::file_name: text = values.file_name; break;
        case What::guid: text = values.guid; break;
        }
        if (part.width != 0 && part.pad && text.size() < part.width) text.insert(0, part.width - text.size(), '0');
        if (part.width != 0 && part.keep_last && text.size() > part.width) text.erase(0, text.size() - part.width);
        if (part.width != 0 && !part.pad && text.size() > part.width) text.resize(part.width);
        if (part.lower) map_letters(text, 'A', 'Z');
        if (part.upper) map_letters(text, 'a', 'z');
        all += text;
    }
    return all;
}

} // namespace buzon::message
