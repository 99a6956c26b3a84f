// sandbox/tls_program.h - confines the program that does TLS (stunnel), which is not ours and reads what strangers
// send.
#pragma once

#include <string>
#include <system_error>

#include "buzon/sandbox/enter.h"
#include "buzon/sandbox/landlock.h"
#include "buzon/sandbox/system_calls.h"

namespace buzon::sandbox {

// Its own file, the system's libraries and the few system files that TLS needs; no network, no other process. An ELF
// program can execute itself and its loader. A script, whose interpreter may need anything, can execute whatever is in
// the system's folders.
[[nodiscard]] Reach reach_of_tls_program(const std::string& program);
// The system calls that a program that only encrypts does not need. It may start threads but no processes, and connect
// to a unix socket.
[[nodiscard]] RefusedCalls refused_to_tls_program();

// Call it before executing the program; takes effect for good. Mode::off: does nothing. Fails if something that the
// kernel supports cannot be put in force.
[[nodiscard]] std::error_code enter_as_tls_program(const std::string& program, Mode mode);

} // namespace buzon::sandbox
