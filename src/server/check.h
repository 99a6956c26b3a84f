// server/check.h - --check: reports everything that is wrong with the options and the files, not just the first
// mistake.
#pragma once

#include <string>

#include "buzon/config/options.h"

namespace buzon::server {

struct CheckResult {
    int code = 0;         // the exit code of the first fault; 0: the server would start
    std::string findings; // "server: WHAT: WHY" lines: faults, and warnings about what will not work after the start
};

// `faults`: the result of parse_options(). Binds nothing and changes nothing. May block.
[[nodiscard]] CheckResult check(const config::Options& options, config::Faults faults);

} // namespace buzon::server
