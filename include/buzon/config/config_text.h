// config/config_text.h - the values of a config file's lines, and the same file with changes (SAVE). Pure text.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::config {

// Option names and what they are to be; none: no line of that name.
using ConfigChanges = std::map<std::string, std::vector<std::string>, std::less<>>;

// A '#' with white space before it begins a comment behind a value, too; but not where the value itself may hold one:
// in passwords, paths and programs it belongs to the value.
[[nodiscard]] bool may_hold_hash(std::string_view option) noexcept;
// The value as it counts, without such a comment and without blanks at its end.
[[nodiscard]] std::string_view config_value(std::string_view option, std::string_view written) noexcept;

// The text with these changes. Comments, also those behind a changed value, order and all other lines stay as they are.
[[nodiscard]] std::string change_config(std::string_view text, const ConfigChanges& changes);

} // namespace buzon::config
