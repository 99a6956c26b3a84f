// config/config_text.h - reads the values of a config file's lines, and edits its text (for SAVE). No I/O.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace buzon::config {

// Option names and their new values; no value removes the line.
using ConfigChanges = std::map<std::string, std::vector<std::string>, std::less<>>;

// A '#' after white space begins a comment after a value, too, except in passwords, paths and programs, where it is
// part of the value.
[[nodiscard]] bool may_hold_hash(std::string_view option) noexcept;
// The effective value: without a trailing comment and trailing blanks.
[[nodiscard]] std::string_view config_value(std::string_view option, std::string_view written) noexcept;

// Returns the text with these changes. Comments, including those after a changed value, order and all other lines are
// kept.
[[nodiscard]] std::string change_config(std::string_view text, const ConfigChanges& changes);

} // namespace buzon::config
