// net/peer.h - is the other end of a TCP connection still there? What the kernel knows, and making it find out.
#pragma once

#include <chrono>

namespace buzon::net {

// True only when there is no doubt: it has reset the connection, or the kernel has given it up, or it has acknowledged
// nothing for `silence` and left retransmissions or probes unanswered, one for each 10 s of it, but 3 at least and 6 at
// most. Sockets of other kinds (unix) are alive. Waits for nothing.
[[nodiscard]] bool peer_is_dead(int socket, std::chrono::seconds silence) noexcept;

// Asks a silent peer for a sign of life, now and then six times in `silence`. A machine without such a connection
// answers by a reset; one that answers nothing so long is given up. Both end the connection as any loss does.
void probe_peer(int socket, std::chrono::seconds silence) noexcept;

} // namespace buzon::net
