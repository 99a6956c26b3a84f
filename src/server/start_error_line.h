// server/start_error_line.h - the line on stderr for an error that ends the server.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace buzon::server {

// "server: WHAT: WHY". If the arguments, or the config file that they name, say log-format = journal, the line begins
// with the priority of an error. The arguments and that file may contain mistakes.
[[nodiscard]] std::string start_error_line(std::span<const std::string_view> arguments, std::string_view what);

} // namespace buzon::server
