#include "buzon/talk/fields.h"

#include <algorithm>
#include <array>

#include "buzon/line/escapes.h"
#include "buzon/terminal/text.h"

namespace buzon::client {
namespace {

constexpr std::array<std::string_view, 4> metr_names = {"messages", "bytes", "online", "historic"};
constexpr std::array<std::string_view, 4> session_names = {"id", "user", "address", "state"};

Field field(std::string_view name, std::string_view value) {
    return {std::string{name}, std::string{value}};
}

Field cut(std::string_view line, std::size_t blank) {
    if (blank == std::string_view::npos) return field(line, {});
    return field(line.substr(0, blank), line.substr(blank + 1));
}

// Position of the "=" between key and value; keys consist of letters, digits, "-" and "_".
std::size_t equals_sign(std::string_view word) noexcept {
    const std::size_t sign = word.find('=');
    const bool key = sign != std::string_view::npos && sign > 0 &&
                     std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(sign), [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                c == '-' || c == '_' || c == '.';
                     });
    return key ? sign : std::string_view::npos;
}

// Takes one blank-separated word off the front; a quoted value in it may contain blanks.
std::string_view take_word(std::string_view& line) {
    std::size_t end = 0;
    bool quoted = false;
    for (; end < line.size(); ++end) {
        if (line[end] == '\\' && quoted && end + 1 < line.size()) {
            ++end;
        } else if (line[end] == '"' && (quoted || (end > 0 && line[end - 1] == '='))) {
            quoted = !quoted;
        } else if (line[end] == ' ' && !quoted) {
            break;
        }
    }
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(line.find_first_not_of(' ', end), line.size()));
    return word;
}

// Decodes a value of an event: in quotes there may be \" \\ \n \r \t and \xHH.
std::string unquoted(std::string_view value) {
    if (value.size() < 2 || value.front() != '"' || value.back() != '"') return std::string{value};
    value = value.substr(1, value.size() - 2);
    std::string plain;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] != '\\' || i + 1 == value.size()) {
            plain += value[i];
            continue;
        }
        const char c = value[++i];
        const auto octet = c == 'x' ? line::hex_octet(value.substr(i + 1)) : std::nullopt;
        plain += octet ? *octet : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
        if (octet) i += 2;
    }
    return plain;
}

} // namespace

std::optional<std::vector<Field>> metr_fields(std::string_view text) {
    std::vector<Field> fields;
    for (const std::string_view name : metr_names) {
        const bool last = name == metr_names.back();
        const std::size_t end = last ? text.size() : text.find(';');
        if (end == std::string_view::npos || !number_of(text.substr(0, end))) return std::nullopt;
        fields.push_back(field(name, text.substr(0, end)));
        text.remove_prefix(last ? end : end + 1);
    }
    return fields;
}

std::optional<std::vector<Field>> info_fields(std::string_view text) {
    const std::size_t first = text.find(';'), last = text.rfind(';');
    if (first == last) return std::nullopt;
    return std::vector{field("host", text.substr(0, first)), field("basedir", text.substr(first + 1, last - first - 1)),
                       field("ip", text.substr(last + 1))};
}

Field first_blank_field(std::string_view line) {
    return cut(line, line.find(' '));
}

Field last_blank_field(std::string_view line) {
    return cut(line, line.rfind(' '));
}

// Octets that would split a column are written %XX.
std::vector<Field> session_fields(std::string_view line) {
    std::vector<Field> fields;
    for (const std::string_view word : words_of(line)) {
        const std::size_t place = fields.size();
        const std::size_t sign = equals_sign(word);
        if (place < session_names.size()) {
            fields.emplace_back(session_names[place], line::without_escapes(word)); // a user name may contain "="
        } else if (sign != std::string_view::npos) {
            fields.emplace_back(word.substr(0, sign), line::without_escapes(word.substr(sign + 1)));
        } else if (word == "tls") {
            fields.emplace_back("tls", "yes");
        } else {
            fields.emplace_back("field" + std::to_string(place + 1), line::without_escapes(word));
        }
    }
    return fields;
}

std::vector<Field> event_fields(std::string_view line) {
    std::vector<Field> fields;
    std::string text;
    while (!line.empty()) {
        const std::string_view word = take_word(line);
        if (word.empty()) continue;
        if (fields.size() < 2) {
            fields.push_back(field(fields.empty() ? "time" : "type", word));
        } else if (const std::size_t sign = equals_sign(word); sign != std::string_view::npos) {
            fields.emplace_back(word.substr(0, sign), unquoted(word.substr(sign + 1)));
        } else {
            text += (text.empty() ? "" : " ") + std::string{word};
        }
    }
    if (!text.empty()) fields.emplace_back("words", text);
    return fields;
}

bool is_spread(std::string_view value) noexcept {
    return value == "-" || value.find(':') != std::string_view::npos;
}

std::vector<Field> buckets_of(std::string_view value) {
    std::vector<Field> buckets;
    for (const std::string_view word : words_of(value))
        if (const std::size_t colon = word.find(':'); colon != std::string_view::npos)
            buckets.emplace_back(word.substr(0, colon), word.substr(colon + 1));
    return buckets;
}

std::string_view value_of(const std::vector<Field>& fields, std::string_view name) noexcept {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [name](const Field& one) { return one.first == name; });
    return found == fields.end() ? std::string_view{} : std::string_view{found->second};
}

} // namespace buzon::client
