// talk/human.h - the values of replies as a person reads them.
#pragma once

#include <string>
#include <string_view>

namespace buzon::client {

// The value that a command's reply has under a name: octets as "64k", times as "2.5ms" or "10m", counts as "12,345".
// Anything else stays as it is. What CONF shows is exact, and CONF takes it back.
[[nodiscard]] std::string human_value(std::string_view command, std::string_view name, const std::string& value);

} // namespace buzon::client
