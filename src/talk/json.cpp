#include "buzon/talk/json.h"

#include <algorithm>

#include "buzon/terminal/text.h"

namespace buzon::client {
namespace {

void append_escaped(std::string& json, char32_t code) {
    static constexpr char digits[] = "0123456789abcdef";
    switch (code) {
    case '"': json += "\\\""; break;
    case '\\': json += "\\\\"; break;
    case '\n': json += "\\n"; break;
    case '\r': json += "\\r"; break;
    case '\t': json += "\\t"; break;
    default:
        json += "\\u00";
        json += digits[code / 16];
        json += digits[code % 16];
    }
}

} // namespace

std::string json_string(std::string_view text) {
    std::string json = "\"";
    while (!text.empty()) {
        const Character here = first_character(text);
        const bool control = here.code < 0x20 || (here.code >= 0x7F && here.code < 0xA0);
        if (control || here.code == '"' || here.code == '\\') {
            append_escaped(json, here.code);
        } else if (here.code == 0xFFFD) {
            json += "\xEF\xBF\xBD";
        } else {
            json += text.substr(0, here.octets);
        }
        text.remove_prefix(here.octets);
    }
    return json += '"';
}

std::string json_number(std::string_view text) {
    return number_of(text) ? std::string{text} : json_string(text);
}

JsonObject& JsonObject::add(std::string_view name, std::string json) {
    const auto known =
        std::find_if(members_.begin(), members_.end(), [name](const auto& member) { return member.first == name; });
    if (known != members_.end()) {
        known->second.push_back(std::move(json));
    } else {
        members_.push_back({std::string{name}, {std::move(json)}});
    }
    return *this;
}

std::string JsonObject::text() const {
    std::string json = "{";
    for (const auto& [name, values] : members_) {
        if (json.size() > 1) json += ',';
        json += json_string(name) + ':' + (values.size() == 1 ? values.front() : json_array(values));
    }
    return json += '}';
}

std::string json_array(const std::vector<std::string>& items) {
    std::string json = "[";
    for (const std::string& item : items) {
        if (json.size() > 1) json += ',';
        json += item;
    }
    return json += ']';
}

} // namespace buzon::client
