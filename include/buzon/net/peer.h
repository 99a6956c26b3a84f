// net/peer.h - whether the other end of a TCP connection is still there: what the kernel knows, and how to find out.
#pragma once

#include <chrono>

namespace buzon::net {

// True only if there is no doubt: the peer reset the connection, the kernel gave it up, or the peer has acknowledged
// nothing for `silence` and has not answered enough retransmissions or probes: one per 10 s of silence, at least 3, at
// most 6. Sockets of other kinds (unix) count as alive. Never blocks.
[[nodiscard]] bool peer_is_dead(int socket, std::chrono::seconds silence) noexcept;

// Probes a silent peer at once, and then six times during `silence`. A host that does not know the connection answers
// with a reset; the kernel gives up on one that does not answer. Either ends the connection as lost.
void probe_peer(int socket, std::chrono::seconds silence) noexcept;

} // namespace buzon::net
