// tests/support/programs.h - where the programs under test and the project's files lie.
#pragma once

#include <string>

namespace buzon::test {

[[nodiscard]] std::string server_program();   // bin/server of this build
[[nodiscard]] std::string client_program();   // bin/client of this build
[[nodiscard]] std::string probe_program();    // the same server with probe/probe.h in it
[[nodiscard]] std::string filter_program();   // probe/under_filter.cpp
[[nodiscard]] std::string source_directory(); // the project's root

} // namespace buzon::test
