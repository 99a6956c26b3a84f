#include "buzon/keeper/message.h"

#include "buzon/posix/datagram.h"

namespace buzon::keeper {

posix::Transfer send_record(int socket, Octets record, int fd) noexcept {
    const iovec part{const_cast<std::byte*>(record.data()), record.size()};
    return posix::send_datagram(socket, {&part, 1}, {&fd, fd >= 0 ? std::size_t{1} : 0});
}

posix::Transfer receive_record(int socket, std::span<std::byte> into, posix::UniqueFd& fd) noexcept {
    const iovec part{into.data(), into.size()};
    return posix::receive_datagram(socket, {&part, 1}, {&fd, 1}).transfer;
}

} // namespace buzon::keeper
