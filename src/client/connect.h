// client/connect.h - from an address to a connected socket.
#pragma once

#include <string>
#include <variant>

#include "buzon/client/conversation.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::client {

// Every address that the name has is tried, each for `patience` at most. A string says why none took us.
[[nodiscard]] std::variant<posix::UniqueFd, std::string> connect_to(const Address& address, Milliseconds patience);

} // namespace buzon::client
