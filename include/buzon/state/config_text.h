// state/config_text.h - parses and edits the text of a config file (SAVE). No I/O; any option name is accepted.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace buzon::state {

// One `name = value` line. Blanks around name and value are ignored; a line that begins with '#' is a comment, and
// empty lines are ignored. A '#' inside a value is part of it, since passwords and programs may contain it.
struct ConfigLine {
    std::size_t number = 0; // from 1
    std::string_view name;  // both point into the text
    std::string_view value; // "" for a bare `name` and for `name =`
    bool has_value = false; // there was an '='
};

// All lines in order, or the number of the first invalid line (a NUL, no name before the '=').
[[nodiscard]] std::variant<std::vector<ConfigLine>, std::size_t> parse_config(std::string_view text);

// The text with `name` set to exactly these values, one line each. Existing lines are reused in order and keep their
// place, indentation and the blanks around the '='. Surplus lines are deleted; additional ones go after the last,
// or at the end. Everything else stays the same to the octet. Values contain no line ends.
[[nodiscard]] std::string edit_config(std::string_view text, std::string_view name,
                                      std::span<const std::string> values);

} // namespace buzon::state
