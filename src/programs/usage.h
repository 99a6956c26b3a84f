// programs/usage.h - the answers to --help, --version and wrong usage, for all programs.
#pragma once

#include <optional>
#include <string_view>

namespace buzon::programs {

constexpr int wrong_usage = 64;

// Answers --help or --version as the first argument, on standard output. Returns the exit code; nothing for any other
// argument.
[[nodiscard]] std::optional<int> tell_about(int argc, char** argv, std::string_view name, const char* usage);
// Prints the usage on standard error. Returns the exit code.
int refuse(const char* usage);

} // namespace buzon::programs
