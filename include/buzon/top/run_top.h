// top/run_top.h - the live view of a server, on a terminal.
#pragma once

#include <string>

#include "buzon/talk/conversation.h"
#include "buzon/talk/view.h"
#include "buzon/terminal/terminal.h"

namespace buzon::client {

struct TopOptions {
    bool once = false;  // print one screen and exit
    std::string record; // the file to record to; empty: none
    std::string replay; // the recording to show; empty: none
};

// Both functions return the program's exit code. If it is above 128, `server` is unusable. `target` is used to
// reconnect, and for a second connection that receives events.
[[nodiscard]] int run_top(Conversation& server, const Target& target, const TopOptions& options, Format format,
                          Output& out);
// Shows a recording, without a server.
[[nodiscard]] int run_replay(const TopOptions& options);

} // namespace buzon::client
