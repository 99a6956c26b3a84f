// config/machine_name.h - the default of the setting `host`.
#pragma once

#include <string>

namespace buzon::config {

// The machine's host name, or "localhost" if it has no plain one.
[[nodiscard]] std::string machine_name();

} // namespace buzon::config
