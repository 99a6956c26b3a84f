// client/run.h - what the program does with a checked command line.
#pragma once

#include "buzon/client/arguments.h"

namespace buzon::client {

// Connects, logs in, does what was asked; prints to stdout, complains on stderr. Gives the exit code.
[[nodiscard]] int run(const Invocation& invocation);

// A password, asked for, as a passwd-file's secret on stdout. Without a scheme: SCRAM-SHA-256, which serves every way
// to log in but APOP and CRAM-MD5.
[[nodiscard]] int run_hash(const Invocation& invocation);

} // namespace buzon::client
