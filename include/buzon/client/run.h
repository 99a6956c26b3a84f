// client/run.h - what the program does with a checked command line.
#pragma once

#include "buzon/client/arguments.h"

namespace buzon::client {

// Connects, logs in, does what was asked; prints to stdout, complains on stderr. Gives the exit code.
[[nodiscard]] int run(const Invocation& invocation);

} // namespace buzon::client
