// server/start_error_line.h - how an error that ends the server is written, for whoever reads its stderr.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace buzon::server {

// "server: WHAT: WHY", with the priority of an error before it where the arguments, or the config file that they name,
// say log-format = journal. Takes arguments and a file with mistakes: those are what is to be told.
[[nodiscard]] std::string start_error_line(std::span<const std::string_view> arguments, std::string_view what);

} // namespace buzon::server
