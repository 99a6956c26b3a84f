// talk/human.h - formats the values in replies for a person.
#pragma once

#include <string>
#include <string_view>

namespace buzon::client {

// Formats the value that a command's reply has under a name: octets as "64k", times as "2.5ms" or "10m", counts as
// "12,345". Anything else stays as it is. Values of CONF stay exact, in a form that CONF accepts.
[[nodiscard]] std::string human_value(std::string_view command, std::string_view name, const std::string& value);

} // namespace buzon::client
