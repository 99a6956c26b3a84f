// client/new_password.h - asks for a new password.
#pragma once

#include <optional>
#include <string>

namespace buzon::client {

// At a terminal the user types it twice without echo, since typing errors are invisible. Otherwise it is the first line
// of stdin. Returns nothing if the user cancels, or if the two differ, which it then reports.
[[nodiscard]] std::optional<std::string> new_password();

} // namespace buzon::client
