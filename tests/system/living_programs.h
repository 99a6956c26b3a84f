// system/living_programs.h - programs in Python that live on ("process:"), for tests of the whole server.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "support/temp_directory.h"

namespace buzon::test {

// Its SPEC. It answers each message (`text`, and the `words` of its first line) by these lines; those before come in
// place of the handshake.
[[nodiscard]] std::string living(const TempDirectory& directory, const std::string& name, const std::string& lines,
                                 const std::string& before = "inp.readline()\nsay('buzon-filter 1\\n')\n");

// Programs of this directory that run.
[[nodiscard]] std::vector<pid_t> living_in(const TempDirectory& directory);

} // namespace buzon::test
