// system/living_programs.h - programs in Python that live on ("process:"), for tests of the whole server.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/temp_directory.h"

namespace buzon::test {

// Its SPEC. It answers each message (`text`, and the `words` of its first line) by these lines; those before come in
// place of the handshake.
[[nodiscard]] std::string living(const TempDirectory& directory, const std::string& name, const std::string& lines,
                                 const std::string& before = "inp.readline()\nsay('buzon-filter 1\\n')\n");

// Processes on this machine whose command line names a file of this directory, the server's own and zombies aside.
[[nodiscard]] std::vector<pid_t> running_from(const std::filesystem::path& directory);

} // namespace buzon::test
