// programs/usage.h - what every program says about itself.
#pragma once

#include <optional>
#include <string_view>

namespace buzon::programs {

constexpr int wrong_usage = 64;

// --help or --version as the first word: said on standard output. Its exit code; nothing: it was another word.
[[nodiscard]] std::optional<int> tell_about(int argc, char** argv, std::string_view name, const char* usage);
// On standard error. The exit code.
int refuse(const char* usage);

} // namespace buzon::programs
