// top/run_top.h - the live view of a server, on a terminal.
#pragma once

#include <string>

#include "buzon/talk/conversation.h"
#include "buzon/talk/view.h"
#include "buzon/terminal/terminal.h"

namespace buzon::client {

struct TopOptions {
    bool once = false;  // one screen, then the end
    std::string record; // the file that gets what is seen; empty: none
    std::string replay; // the recording to show; empty: none
};

// All return the program's exit code. `target` is also for a second connection, which hears events. Above 128: `server`
// is unusable.
[[nodiscard]] int run_top(Conversation& server, const Target& target, const TopOptions& options, Format format,
                          Output& out);
// A recording, without a server.
[[nodiscard]] int run_replay(const TopOptions& options);

} // namespace buzon::client
