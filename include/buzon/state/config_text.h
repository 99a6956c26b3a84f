// state/config_text.h - the text of a config file, read and edited (SAVE). Knows no files and no meanings.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace buzon::state {

// One `name = value` line. Blanks around name and value do not count; a line that begins with '#' is a comment, and an
// empty one nothing. A '#' inside a value belongs to it: passwords and programs may hold it.
struct ConfigLine {
    std::size_t number = 0; // from 1
    std::string_view name;  // point into the text
    std::string_view value; // "" for a bare `name` and for `name =`
    bool has_value = false; // there was a '='
};

// All of them in order, or the number of the first line that is none of these (a NUL, no name before the '=').
[[nodiscard]] std::variant<std::vector<ConfigLine>, std::size_t> parse_config(std::string_view text);

// The text with `name` set to exactly these values, one line each. Lines that stand already are used first, in order,
// and keep their place, their indentation and their blanks around the '='; surplus ones go; missing ones come behind
// the last, or at the end. Everything else stays as it is, octet for octet. Values hold no line ends.
[[nodiscard]] std::string edit_config(std::string_view text, std::string_view name,
                                      std::span<const std::string> values);

} // namespace buzon::state
