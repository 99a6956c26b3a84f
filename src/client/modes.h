// client/modes.h - what the client does: a parsed command line, and the ways to use a connection, one file each. All
// return the program's exit code.
#pragma once

#include <string>
#include <string_view>

#include "arguments.h"
#include "conversation.h"
#include "terminal.h"

namespace buzon::client {

// run.cpp: connects, logs in and uses the connection; prints to stdout, errors to stderr
[[nodiscard]] int run(const Invocation& invocation);
// hash.cpp: asks for a password and prints it as a secret for a passwd-file. The default scheme is SCRAM-SHA-256, which
// allows every way to log in but APOP and CRAM-MD5
[[nodiscard]] int run_hash(const Invocation& invocation);
// one_shot.cpp
[[nodiscard]] int run_command(Conversation& server, const Invocation& invocation, Output& out);
// script.cpp: commands from stdin, if it is not a terminal or a dumb one
[[nodiscard]] int run_script(Conversation& server, const Invocation& invocation, Output& out);
// prompt.cpp; `auth` is the AUTH command that logged in, or empty
[[nodiscard]] int run_prompt(Conversation& server, const Invocation& invocation, const std::string& auth, Output& out);
// plot_command.cpp
[[nodiscard]] int run_plot(Conversation& server, const Invocation& invocation, Output& out);
// top_screen.cpp; `auth` is for the second connection, for events. Above 128: the first connection is unusable.
[[nodiscard]] int run_top(Conversation& server, const Invocation& invocation, const std::string& auth);

// The prompt, which names the server.
[[nodiscard]] std::string prompt_text(const Invocation& invocation);
// One line on stderr: "client: WHAT".
void complain(std::string_view what);
// Reports that the server cannot be used (any more).
[[nodiscard]] int unavailable(const Invocation& invocation, std::string_view why);

// A -ERR for a person goes to stderr; everything else is output.
void put_reply(Output& out, Format format, std::string_view command, const Reply& reply);

} // namespace buzon::client
