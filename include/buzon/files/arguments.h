// files/arguments.h - the command line, whose secrets the reactor is not to have in its memory: kept in memory of its
// own, for those that start and reload what it names.
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
// Them and the config file that they name, parsed. Throws StartError.
[[nodiscard]] config::Options read_options(int memory);

} // namespace buzon::files
