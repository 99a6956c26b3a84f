// talk/report.h - how the program reports results: on stdout, on stderr, and by its exit code.
#pragma once

#include <string_view>

#include "buzon/talk/conversation.h"
#include "buzon/talk/view.h"
#include "buzon/terminal/terminal.h"

namespace buzon::client {

// Exit codes; from 64 on as in sysexits.h. exit_output: stdout cannot be written.
inline constexpr int exit_ok = 0, exit_refused = 1, exit_usage = 64, exit_unavailable = 69, exit_output = 74;

// One line on stderr: "client: WHAT".
void complain(std::string_view what);
// Reports that the server cannot be used (any more), and what to try next.
[[nodiscard]] int unavailable(const Address& address, std::string_view why);

// A -ERR for a person goes to stderr; everything else is output. Output longer than the terminal's screen is paged.
void put_reply(Output& out, Format format, std::string_view command, const Reply& reply);

} // namespace buzon::client
