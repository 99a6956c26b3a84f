// client/new_password.h - asks for a password that is to be set.
#pragma once

#include <optional>
#include <string>

namespace buzon::client {

// At a terminal typed twice without echo, since typing errors are invisible; else the first line of stdin. Nothing if
// the user cancelled or the two differ, which was said then.
[[nodiscard]] std::optional<std::string> new_password();

} // namespace buzon::client
