// client/modes.h - what the client can do with a parsed command line: the ways to use a connection, one file each. All
// return the program's exit code.
#pragma once

#include <string>
#include <string_view>

#include "arguments.h"
#include "buzon/talk/conversation.h"
#include "buzon/talk/report.h"
#include "buzon/terminal/terminal.h"

namespace buzon::client {

// run.cpp: connects, logs in and uses the connection; prints to stdout, errors to stderr
[[nodiscard]] int run(const Invocation& invocation);
// hash.cpp: asks for a password and prints it as a secret for a passwd-file. The default scheme is SCRAM-SHA-256, which
// allows every way to log in except APOP and CRAM-MD5
[[nodiscard]] int run_hash(const Invocation& invocation);
// shell_completion.cpp: prints the completions of the last word, one per line
[[nodiscard]] int run_completion(std::span<const std::string_view> words);
// one_shot.cpp
[[nodiscard]] int run_command(Conversation& server, const Invocation& invocation, Output& out);
// script.cpp: commands from stdin, unless stdin and stdout are terminals that can move the cursor
[[nodiscard]] int run_script(Conversation& server, const Invocation& invocation, Output& out);
// prompt.cpp
[[nodiscard]] int run_prompt(Conversation& server, const Invocation& invocation, Output& out);
// plot_command.cpp
[[nodiscard]] int run_plot(Conversation& server, const Invocation& invocation, Output& out);

// The prompt, which names the server.
[[nodiscard]] std::string prompt_text(const Invocation& invocation);

} // namespace buzon::client
