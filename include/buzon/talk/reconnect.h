// talk/reconnect.h - reconnects to a server that was restarted.
#pragma once

#include <string>
#include <variant>

#include "buzon/talk/conversation.h"

namespace buzon::client {

// Tries every half second for as long as the target's patience lasts, and logs in again. On failure the string says
// why. The watcher may interrupt it between two attempts.
[[nodiscard]] std::variant<Conversation, std::string> connect_again(const Target& target, Watcher& watcher);

} // namespace buzon::client
