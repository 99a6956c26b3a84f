#include "buzon/net/peer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace buzon::net {
namespace {

constexpr unsigned unanswered = 6;          // probes or retransmissions
constexpr unsigned long silence = 60'000;   // milliseconds

} // namespace

bool peer_is_dead(int socket) noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
    if (info.tcpi_state == TCP_CLOSE) return true;   // reset, or given up
    const bool asked_in_vain = info.tcpi_retransmits >= unanswered || info.tcpi_probes >= unanswered;
    return asked_in_vain && info.tcpi_last_ack_recv >= silence;
}

void probe_peer(int socket) noexcept {
    // Setting the idle time lets the kernel look at once how long it has been silent.
    const int between_probes = 10, probes = 6, first_probe = 1;   // seconds, number, seconds
    ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &between_probes, sizeof between_probes);
    ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &first_probe, sizeof first_probe);
}

} // namespace buzon::net
