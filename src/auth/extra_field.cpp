#include "extra_field.h"

#include <algorithm>

namespace buzon::auth {
namespace {

constexpr std::string_view blanks = " \t";

// Takes a value in double quotes; `rest` begins after the opening one. False if the closing one is missing or text
// follows it directly.
bool take_quoted(std::string_view& rest, std::string& value) {
    for (std::size_t i = 0; i < rest.size(); ++i) {
        if (rest[i] == '"') {
            rest.remove_prefix(i + 1);
            return rest.empty() || blanks.find(rest[0]) != blanks.npos;
        }
        if (rest[i] == '\\' && ++i == rest.size()) break;
        value += rest[i];
    }
    return false;
}

} // namespace

std::optional<ExtraField> take_extra_field(std::string_view& rest) {
    std::string_view left = rest;
    left.remove_prefix(std::min(left.find_first_not_of(blanks), left.size()));
    if (left.empty()) {
        rest = {};
        return std::nullopt;
    }
    ExtraField field;
    field.key = left.substr(0, left.find_first_of("= \t"));
    left.remove_prefix(field.key.size());
    if (left.starts_with('=')) left.remove_prefix(1);
    if (field.key == "buzon_transform" && left.starts_with('"')) {
        left.remove_prefix(1);
        if (!take_quoted(left, field.unquoted.emplace())) return std::nullopt;
    } else {
        field.value = left.substr(0, left.find_first_of(blanks));
        left.remove_prefix(field.value.size());
    }
    field.text = rest.substr(0, rest.size() - left.size());
    rest = left;
    return field;
}

} // namespace buzon::auth
