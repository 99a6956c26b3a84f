// programs/each.h - runs a plain program for one message, as the server runs a program without "process:" in a SPEC.
#pragma once

#include <string>
#include <vector>

#include "talk.h"

namespace buzon::programs {

struct Made {
    std::string octets;
    std::string problem; // empty: the program has succeeded
};

// argv: the program's path and its arguments; not empty. PATH is not searched.
[[nodiscard]] Made run_program(const std::vector<std::string>& argv, const Letter& letter);

} // namespace buzon::programs
