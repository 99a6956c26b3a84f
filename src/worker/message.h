// worker/message.h - one message on the socket between server and worker: a kind, a body, perhaps a descriptor.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "buzon/posix/io.h"
#include "buzon/posix/secret_text.h"

namespace buzon::worker::detail {

// Kinds of answers.
constexpr std::uint8_t answered = 0, not_mine = 1;

struct Message {
    std::uint8_t kind = 0;
    posix::WipedString body;
    posix::UniqueFd fd;
};

// A body too large for one datagram is sent in a memfd; the receiver sees no difference.
// Whether the calls block depends on the socket: the server's end is non-blocking, the worker's is not.
[[nodiscard]] posix::Transfer send_message(int socket, std::uint8_t kind, std::string_view body, int fd);
[[nodiscard]] posix::Transfer receive_message(int socket, Message& into);

} // namespace buzon::worker::detail
