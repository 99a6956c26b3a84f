// posix/datagram.h - one message on a socket that keeps messages apart, with descriptors (SCM_RIGHTS).
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <span>

#include "buzon/posix/io.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::posix {

constexpr std::size_t max_descriptors_sent = 253; // SCM_MAX_FD, which no header of the C library has

// The parts, one behind the other. The caller keeps its descriptors: at most max_descriptors_sent, else EINVAL. Whether
// it blocks depends on the socket and on `flags`, as of sendmsg(2). If the peer is gone: EPIPE or ECONNRESET, never a
// signal.
[[nodiscard]] Transfer send_datagram(int socket, std::span<const iovec> parts, std::span<const int> descriptors,
                                     int flags = 0) noexcept;

struct Datagram {
    // `bytes`: its length, also where the parts are shorter (the rest is lost then). Moved::end: an empty one, or the
    // peer is gone.
    Transfer transfer;
    std::size_t descriptors = 0; // that came along, close-on-exec
    bool cut = false;            // others did not, for want of room here or in our table
};
// Fills the first ones of `into`, at most max_descriptors_sent.
[[nodiscard]] Datagram receive_datagram(int socket, std::span<const iovec> parts, std::span<UniqueFd> into,
                                        int flags = 0) noexcept;

} // namespace buzon::posix
