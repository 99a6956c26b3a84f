// net/peer.h - is the other end of a TCP connection still there? What the kernel knows, and making it find out.
#pragma once

namespace buzon::net {

// True only when there is no doubt: it has reset the connection, or the kernel has given it up, or it has left six
// retransmissions or probes and a whole minute unanswered. Sockets of other kinds (unix) are alive. Waits for nothing.
[[nodiscard]] bool peer_is_dead(int socket) noexcept;

// Asks a silent peer for a sign of life, now and then every 10 s. A machine without such a connection answers by a reset;
// one that answers nothing for a minute is given up. Both end the connection as any loss does.
void probe_peer(int socket) noexcept;

} // namespace buzon::net
