// probe/probe.h - what a process of the server could do if somebody had taken it over: it tries what it must not, once
// it is confined. Linked into bin/server_probe only, at the place where the server's processes begin to serve.
#pragma once

#include "buzon/sandbox/enter.h"

namespace buzon::probe {

// Writes a line for each act to stderr, "ACT yes" where it went through, else "ACT ERRNO", and ends the process. The
// environment says at what: BUZON_PROBE_OWN and BUZON_PROBE_OTHER, two Maildirs with a message `letter` in cur; with
// BUZON_PROBE_ONLY=mail, reactor or keeper, processes of other roles go on as if nothing were.
void run(const sandbox::Plan& plan);

// The same as the program of --tls-program, whose environment is not ours: the Maildirs are options, `probeOwn` and
// `probeOther`, of the configuration on its standard input. The acts are one line of its log, "ACT=yes" or "ACT=ERRNO".
[[noreturn]] void run_as_tls_program();

} // namespace buzon::probe
