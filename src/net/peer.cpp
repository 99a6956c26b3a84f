#include "buzon/net/peer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace buzon::net {
namespace {

constexpr std::int64_t max_probes = 6; // probes or retransmissions
constexpr std::int64_t min_probes = 3;

} // namespace

bool peer_is_dead(int socket, std::chrono::seconds silence) noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
    if (info.tcpi_state == TCP_CLOSE) return true; // reset, or given up
    const std::int64_t enough = std::clamp<std::int64_t>(silence.count() / 10, min_probes, max_probes);
    const bool asked_in_vain = info.tcpi_retransmits >= enough || info.tcpi_probes >= enough;
    return asked_in_vain && std::chrono::milliseconds{info.tcpi_last_ack_recv} >= silence;
}

void probe_peer(int socket, std::chrono::seconds silence) noexcept {
    const int between_probes = static_cast<int>(std::max<std::int64_t>(1, silence.count() / max_probes)); // seconds
    const int probes = max_probes, first_probe = 1; // number, seconds
    // Setting the idle time makes the kernel check at once how long the peer has been silent, and probe it. Once is
    // enough: doing it at every login could send six probes within one round trip, and so end a live connection.
    int now = 0;
    socklen_t size = sizeof now;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &now, &size) != 0) return;
    const bool asked = now == first_probe;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &now, &size) == 0 && asked && now == between_probes) return;
    ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &between_probes, sizeof between_probes);
    ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &first_probe, sizeof first_probe);
}

} // namespace buzon::net
