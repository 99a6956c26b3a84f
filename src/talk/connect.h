// talk/connect.h - from an address to a connected socket.
#pragma once

#include <string>
#include <variant>

#include "buzon/posix/unique_fd.h"
#include "buzon/talk/conversation.h"

namespace buzon::client {

// Tries every address of the name, each for at most `patience`. A string says why none worked.
[[nodiscard]] std::variant<posix::UniqueFd, std::string> connect_to(const Address& address, Milliseconds patience);

} // namespace buzon::client
