#include "buzon/posix/datagram.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace buzon::posix {
namespace {

struct Control {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * max_descriptors_sent)> bytes; // filled as far as needed
};

msghdr message_of(std::span<const iovec> parts) noexcept {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts.data());
    message.msg_iovlen = parts.size();
    return message;
}

Transfer failed() noexcept {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Moved::would_block};
    return {Moved::failed, 0, last_error()};
}

} // namespace

Transfer send_datagram(int socket, std::span<const iovec> parts, std::span<const int> descriptors, int flags) noexcept {
    if (descriptors.size() > max_descriptors_sent) return {Moved::failed, 0, {EINVAL, std::system_category()}};
    msghdr message = message_of(parts);
    Control control;
    if (!descriptors.empty()) {
        message.msg_control = control.bytes.data();
        message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* const item = CMSG_FIRSTHDR(&message);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(item), descriptors.data(), descriptors.size_bytes());
    }
    ssize_t sent = 0;
    do sent = ::sendmsg(socket, &message, flags | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return failed();
    return {Moved::some, static_cast<std::size_t>(sent), {}};
}

Datagram receive_datagram(int socket, std::span<const iovec> parts, std::span<UniqueFd> into, int flags) noexcept {
    msghdr message = message_of(parts);
    Control control;
    message.msg_control = control.bytes.data();
    // Not CMSG_SPACE: its padding has room for one more descriptor, which nobody would close.
    message.msg_controllen = into.empty() ? 0 : CMSG_LEN(sizeof(int) * std::min(into.size(), max_descriptors_sent));
    ssize_t got = 0;
    do got = ::recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC | MSG_TRUNC);
    while (got < 0 && errno == EINTR);
    if (got < 0) return {failed()};
    Datagram result{{got == 0 ? Moved::end : Moved::some, static_cast<std::size_t>(got), {}}};
    result.cut = (message.msg_flags & MSG_CTRUNC) != 0;
    for (cmsghdr* item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t held = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < held && result.descriptors < into.size(); ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(item) + i * sizeof number, sizeof number);
            into[result.descriptors++].reset(number);
        }
    }
    return result;
}

} // namespace buzon::posix
