// posix/datagram.h - sends or receives one message, with descriptors (SCM_RIGHTS), on a socket that preserves message
// boundaries.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <span>

#include "buzon/posix/io.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::posix {

constexpr std::size_t max_descriptors_sent = 253; // SCM_MAX_FD, which no header of the C library defines

// Sends the parts as one message. The caller keeps its descriptors; more than max_descriptors_sent: EINVAL. Whether it
// blocks depends on the socket and on `flags`, which are those of sendmsg(2). If the peer is gone: EPIPE or ECONNRESET,
// never a signal.
[[nodiscard]] Transfer send_datagram(int socket, std::span<const iovec> parts, std::span<const int> descriptors,
                                     int flags = 0) noexcept;

struct Datagram {
    // `bytes`: the length of the message, even if the parts are shorter (the rest is lost then). Moved::end: an empty
    // message, or the peer is gone.
    Transfer transfer;
    std::size_t descriptors = 0; // received with it, close-on-exec
    bool cut = false;            // others were lost: no room here or in our descriptor table
};
// Puts the descriptors into the first elements of `into`, at most max_descriptors_sent.
[[nodiscard]] Datagram receive_datagram(int socket, std::span<const iovec> parts, std::span<UniqueFd> into,
                                        int flags = 0) noexcept;

} // namespace buzon::posix
