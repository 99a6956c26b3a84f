// system/living_programs.h - long-lived programs in Python ("process:"), for tests of the whole server.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/temp_directory.h"

namespace buzon::test {

// Writes a program and returns its SPEC. It runs `lines` for each message (`text`, and the `words` of the line before
// it). `before` can replace the handshake.
[[nodiscard]] std::string living(const TempDirectory& directory, const std::string& name, const std::string& lines,
                                 const std::string& before = "inp.readline()\nsay('buzon-filter 1\\n')\n");

// Processes on this machine whose command line names a file in this directory, except the server's own and zombies.
[[nodiscard]] std::vector<pid_t> running_from(const std::filesystem::path& directory);

} // namespace buzon::test
