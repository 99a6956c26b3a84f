// programs/each.h - runs a plain program for one message, as the server does with one of a SPEC without "process:".
#pragma once

#include <string>
#include <vector>

#include "talk.h"

namespace buzon::programs {

struct Made {
    std::string octets;
    std::string problem; // empty: the program has ended well
};

// argv: the program and its arguments, not empty; it is found as written, without PATH.
[[nodiscard]] Made run_program(const std::vector<std::string>& argv, const Letter& letter);

} // namespace buzon::programs
