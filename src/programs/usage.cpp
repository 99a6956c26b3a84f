#include "usage.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace buzon::programs {

std::optional<int> tell_about(int argc, char** argv, std::string_view name, const char* usage) {
    const std::string_view word = argc > 1 ? argv[1] : "";
    if (word == "-h" || word == "--help") {
        std::fputs(usage, stdout);
    } else if (word == "-v" || word == "--version") {
        std::puts((std::string{name} + " " BUZON_VERSION).c_str());
    } else {
        return std::nullopt;
    }
    return std::fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int refuse(const char* usage) {
    std::fputs(usage, stderr);
    return wrong_usage;
}

} // namespace buzon::programs
