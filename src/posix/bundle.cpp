#include "buzon/posix/bundle.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <iterator>

#include "buzon/posix/datagram.h"

namespace buzon::posix {
namespace {

std::error_code error_of(const Transfer& moved) noexcept {
    if (moved.what == Moved::would_block) return {EAGAIN, std::system_category()};
    return moved.why;
}

} // namespace

std::error_code send_bundle(int socket, std::span<const int> descriptors) {
    if (descriptors.empty()) return {EINVAL, std::system_category()};
    char octet = 0;
    const iovec part{&octet, 1};
    return error_of(send_datagram(socket, {&part, 1}, descriptors, MSG_DONTWAIT));
}

Result<UniqueFd> bundle(std::span<const int> descriptors) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) != 0) return last_error();
    UniqueFd holder{pair[0]};
    const UniqueFd sender{pair[1]};
    if (const std::error_code why = send_bundle(sender.get(), descriptors)) return why;
    return holder;
}

Result<std::vector<UniqueFd>> unbundle(int bundle) {
    char octet = 0;
    const iovec part{&octet, 1};
    std::array<UniqueFd, max_descriptors_sent> room;
    const Datagram got = receive_datagram(bundle, {&part, 1}, room, MSG_DONTWAIT);
    if (const std::error_code why = error_of(got.transfer)) return why;
    if (got.cut) return std::error_code{EMFILE, std::system_category()};
    const auto end = room.begin() + static_cast<std::ptrdiff_t>(got.descriptors);
    return std::vector<UniqueFd>{std::make_move_iterator(room.begin()), std::make_move_iterator(end)};
}

} // namespace buzon::posix
