// probe/probe.h - what an attacker could do from a process of the server: once confined, the process tries what must
// not be possible. Linked only into bin/server_probe, at the place where the server's processes begin to serve.
#pragma once

#include "buzon/sandbox/enter.h"

namespace buzon::probe {

// Writes a line for each act to stderr, "ACT yes" if it succeeded, else "ACT ERRNO", and ends the process. The targets
// are in the environment: BUZON_PROBE_OWN and BUZON_PROBE_OTHER, two Maildirs with a message `letter` in cur. With
// BUZON_PROBE_ONLY=mail, reactor or keeper, processes of other roles continue as usual.
void run(const sandbox::Plan& plan);

// The same for the program of --tls-program, which does not get our environment: the Maildirs are options, `probeOwn`
// and `probeOther`, of the configuration on its standard input. It logs all acts in one line: "ACT=yes" or "ACT=ERRNO".
[[noreturn]] void run_as_tls_program();

} // namespace buzon::probe
