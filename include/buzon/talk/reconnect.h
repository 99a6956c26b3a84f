// talk/reconnect.h - finds a server again that was restarted.
#pragma once

#include <string>
#include <variant>

#include "buzon/talk/conversation.h"

namespace buzon::client {

// Tries every half second for as long as the target's patience lasts, and logs in again. A string says why it was given
// up; the watcher may end it too.
[[nodiscard]] std::variant<Conversation, std::string> connect_again(const Target& target, Watcher& watcher);

} // namespace buzon::client
