// keeping/keep.h - runs a server that root has started: the original process stays as its keeper, and the reactor is a
// child of it.
#pragma once

#include <optional>
#include <string>

#include "buzon/keeping/service.h"

namespace buzon::keeping {

// What the keeper gives to a reactor.
struct Birth {
    posix::UniqueFd channel;
    std::string last_end; // how the previous reactor ended, in words; empty: there was none
};

// Forks. In the keeper: serves until the reactor has ended, restarts it if it crashed after its ready line, and returns
// the exit code; if the reactor died of a signal, the keeper dies of the same one. In the reactor: fills `birth` and
// returns nullopt. Throws std::system_error.
[[nodiscard]] std::optional<int> keep(const Settings& settings, Birth& birth);

} // namespace buzon::keeping
