// client/run.h - runs a parsed command line.
#pragma once

#include "arguments.h"

namespace buzon::client {

// Connects, logs in and runs the command; prints to stdout, errors to stderr. Returns the exit code.
[[nodiscard]] int run(const Invocation& invocation);

// Asks for a password and prints it as a secret for a passwd-file. The default scheme is SCRAM-SHA-256, which allows
// every way to log in but APOP and CRAM-MD5.
[[nodiscard]] int run_hash(const Invocation& invocation);

} // namespace buzon::client
