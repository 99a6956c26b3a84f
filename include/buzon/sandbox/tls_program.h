// sandbox/tls_program.h - what is left to the program that does TLS (stunnel), which is not ours and reads what
// strangers send.
#pragma once

#include <string>
#include <system_error>

#include "buzon/sandbox/enter.h"
#include "buzon/sandbox/landlock.h"
#include "buzon/sandbox/system_calls.h"

namespace buzon::sandbox {

// Its own file and the system's libraries; no network, no other process. A program can execute itself and the loader
// that it needs. A script, whose interpreter may need anything, can execute what is in the system's folders.
[[nodiscard]] Reach reach_of_tls_program(const std::string& program);
// What no program needs that only encrypts. It may start threads, but no process; and connect a unix socket.
[[nodiscard]] RefusedCalls refused_to_tls_program();

// Before it is executed, for good; Mode::off: nothing. An error as in enter().
[[nodiscard]] std::error_code enter_as_tls_program(const std::string& program, Mode mode);

} // namespace buzon::sandbox
