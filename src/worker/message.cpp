#include "message.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "buzon/event/memory.h"

namespace buzon::worker::detail {
namespace {

// Well under the default socket buffer (208 KiB), so that one message always fits when the socket is empty.
constexpr std::size_t max_inline = 96 * 1024;
constexpr std::size_t max_descriptors = 2; // the job's own and a large body's

struct Head {
    std::uint8_t kind;
    std::uint8_t has_fd;
    std::uint8_t large; // the body is in the last descriptor
};

// Room for the descriptors of one message.
struct Control {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * max_descriptors)> bytes{};
};

posix::Transfer failed(std::error_code why) {
    return {posix::Moved::failed, 0, why};
}

posix::Result<posix::UniqueFd> in_memory(std::string_view body) {
    posix::UniqueFd fd{::memfd_create("buzon-job", MFD_CLOEXEC)};
    if (!fd) return posix::last_error();
    if (const std::error_code why = posix::write_all(fd.get(), body)) return why;
    return fd;
}

bool read_back(int fd, std::string& body) {
    struct stat about {};
    if (::fstat(fd, &about) != 0 || about.st_size < 0) return false;
    event::guarded([&] { body.resize(static_cast<std::size_t>(about.st_size)); }, [&] { body = {}; });
    if (body.size() != static_cast<std::size_t>(about.st_size)) {
        errno = ENOMEM; // the message has been taken off the socket: it is lost, and known to be
        return false;
    }
    std::size_t at = 0;
    while (at < body.size()) {
        const ssize_t n = ::pread(fd, body.data() + at, body.size() - at, static_cast<off_t>(at));
        if (n <= 0) return false;
        at += static_cast<std::size_t>(n);
    }
    return true;
}

void attach(msghdr& message, Control& control, const std::array<int, max_descriptors>& fds, std::size_t count) {
    if (count == 0) return;
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr* const item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof(int) * count);
    std::memcpy(CMSG_DATA(item), fds.data(), sizeof(int) * count);
}

std::size_t detach(msghdr& message, std::array<posix::UniqueFd, max_descriptors>& into) {
    std::size_t count = 0;
    for (cmsghdr* item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t held = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < held && count < max_descriptors; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(item) + i * sizeof(int), sizeof number);
            into[count++].reset(number);
        }
    }
    return count;
}

} // namespace

posix::Transfer send_message(int socket, std::uint8_t kind, std::string_view body, int fd) {
    Head head{kind, fd >= 0, body.size() > max_inline};
    posix::UniqueFd large;
    if (head.large) {
        auto made = in_memory(body);
        if (!made) return failed(made.error());
        large = std::move(made).value();
        body = {};
    }
    std::array<iovec, 2> parts{iovec{&head, sizeof head}, iovec{const_cast<char*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    std::array<int, max_descriptors> fds{};
    std::size_t count = 0;
    if (fd >= 0) fds[count++] = fd;
    if (large) fds[count++] = large.get();
    Control control;
    attach(message, control, fds, count);
    for (;;) {
        const ssize_t n = ::sendmsg(socket, &message, MSG_NOSIGNAL);
        if (n >= 0) return {posix::Moved::some, static_cast<std::size_t>(n), {}};
        if (errno == EINTR) continue;
        if (errno == EAGAIN) return {posix::Moved::would_block};
        return failed(posix::last_error());
    }
}

posix::Transfer receive_message(int socket, Message& into) {
    Head head{};
    into.body.resize(max_inline);
    std::array<iovec, 2> parts{iovec{&head, sizeof head}, iovec{into.body.data(), into.body.size()}};
    Control control;
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    ssize_t n = 0;
    do {
        n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0) return errno == EAGAIN ? posix::Transfer{posix::Moved::would_block} : failed(posix::last_error());
    std::array<posix::UniqueFd, max_descriptors> received;
    const std::size_t count = detach(message, received);
    if (n == 0) return {posix::Moved::end};

    const std::size_t expected = std::size_t{head.has_fd} + head.large;
    // A descriptor that could not be received (our table is full) must not pass for a message without one.
    if (static_cast<std::size_t>(n) < sizeof head || count != expected || (message.msg_flags & MSG_CTRUNC)) {
        return failed({EMFILE, std::system_category()});
    }
    into.kind = head.kind;
    into.body.resize(static_cast<std::size_t>(n) - sizeof head);
    into.body.shrink_to_fit();
    into.fd = head.has_fd ? std::move(received[0]) : posix::UniqueFd{};
    if (head.large && !read_back(received[count - 1].get(), into.body)) return failed(posix::last_error());
    return {posix::Moved::some, static_cast<std::size_t>(n), {}};
}

} // namespace buzon::worker::detail
