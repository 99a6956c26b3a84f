// config/nearest_name.h - finds the option that the user may have meant.
#pragma once

#include <string>
#include <string_view>

namespace buzon::config {

// "timeout" for "tiemout"; empty if no option has a name like that. in_a_file: only what a config file may contain.
[[nodiscard]] std::string_view nearest_option(std::string_view wrong, bool in_a_file);

// "unknown option", and what may have been meant.
[[nodiscard]] std::string unknown_option(std::string_view wrong, bool in_a_file);

} // namespace buzon::config
