#include "buzon/posix/bundle.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace buzon::posix {
namespace {

constexpr std::size_t max_bundled = 253; // SCM_MAX_FD, which no header of the C library has

struct Control {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * max_bundled)> bytes{};
};

} // namespace

Result<UniqueFd> bundle(std::span<const int> descriptors) {
    if (descriptors.empty() || descriptors.size() > max_bundled) return std::error_code{EINVAL, std::system_category()};
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) != 0) return last_error();
    UniqueFd holder{pair[0]};
    const UniqueFd sender{pair[1]};
    char octet = 0;
    iovec part{&octet, 1};
    Control control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* const item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(item), descriptors.data(), descriptors.size_bytes());
    if (::sendmsg(sender.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return last_error();
    return holder;
}

Result<std::vector<UniqueFd>> unbundle(int bundle) {
    char octet = 0;
    iovec part{&octet, 1};
    Control control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    if (::recvmsg(bundle, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0) return last_error();
    std::vector<UniqueFd> all;
    for (cmsghdr* item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t held = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < held; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(item) + i * sizeof(int), sizeof number);
            all.emplace_back(number);
        }
    }
    if (message.msg_flags & MSG_CTRUNC) return std::error_code{EMFILE, std::system_category()};
    return all;
}

} // namespace buzon::posix
