// config/option_table.h - every option of the server that is no setting, a row each. Private to daemon/.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "buzon/config/options.h"

namespace buzon::config {

struct Option {
    std::string_view name;     // long
    char letter;               // short, or '\0'
    std::string_view argument; // its name in the help text; empty: takes none
    std::string_view meaning;
    void (*apply)(Options&, const std::string& what, std::string_view value);
    bool in_a_file = true; // false: on the command line alone
};

[[nodiscard]] std::span<const Option> all_options() noexcept;

// Throws StartError for wrong usage.
[[noreturn]] void refuse(const std::string& what, const std::string& why);

} // namespace buzon::config
