// config/option_table.h - the server's options that are not settings, one row each. Private to config/.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "buzon/config/options.h"

namespace buzon::config {

struct Option {
    std::string_view name;     // long
    char letter;               // short, or '\0'
    std::string_view argument; // its name in the help text; empty: takes no argument
    std::string_view meaning;
    void (*apply)(Options&, const std::string& what, std::string_view value);
    bool in_a_file = true; // false: only on the command line
};

[[nodiscard]] std::span<const Option> all_options() noexcept;

// Throws StartError on a usage error.
[[noreturn]] void refuse(const std::string& what, const std::string& why);

} // namespace buzon::config
