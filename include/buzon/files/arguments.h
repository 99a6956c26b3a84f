// files/arguments.h - the command line. Its secrets must not be in the reactor's memory, so it is kept in a memory
// file, for the processes that load and reload what it names.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "buzon/config/options.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::files {

// Throws StartError.
[[nodiscard]] posix::UniqueFd keep_arguments(std::span<const std::string> words);
[[nodiscard]] std::vector<std::string> read_arguments(int memory);
// Parses them and the config file that they name. Throws StartError.
[[nodiscard]] config::Options read_options(int memory);

} // namespace buzon::files
