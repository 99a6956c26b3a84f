// keeping/keep.h - the life of a server that root has started: the process that was started stays as its keeper, and
// the reactor is a child of it.
#pragma once

#include <optional>
#include <string>

#include "buzon/keeping/service.h"

namespace buzon::keeping {

// What a reactor is given by its keeper.
struct Birth {
    posix::UniqueFd channel;
    std::string last_end; // of the reactor before: how it ended, in words; empty: there was none
};

// Forks. In the keeper: serves until the reactor has ended, starts it again where it crashed after its ready line, and
// gives the exit code; ends by the same signal where the reactor did. In the reactor: gives nothing, and fills `birth`.
// Throws std::system_error.
[[nodiscard]] std::optional<int> keep(const Settings& settings, Birth& birth);

} // namespace buzon::keeping
