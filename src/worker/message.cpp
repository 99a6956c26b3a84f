#include "message.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "buzon/event/memory.h"
#include "buzon/posix/datagram.h"
#include "buzon/posix/secret_text.h"

namespace buzon::worker::detail {
namespace {

// Well under the default socket buffer (208 KiB), so that one message always fits when the socket is empty.
constexpr std::size_t max_inline = 96 * 1024;
constexpr std::size_t max_descriptors = 2; // the job's own and a large body's
constexpr off_t max_body = off_t{1} << 30;

struct Head {
    std::uint8_t kind;
    std::uint8_t has_fd;
    std::uint8_t large; // the body is in the last descriptor
};

// The buffer for incoming messages, one at a time.
std::array<char, max_inline>& arrivals() {
    static std::array<char, max_inline> room;
    return room;
}

// Larger messages contain no passwords.
constexpr std::size_t max_secret = 32 * 1024;

posix::Transfer failed(std::error_code why) {
    return {posix::Moved::failed, 0, why};
}

posix::Result<posix::UniqueFd> in_memory(std::string_view body) {
    posix::UniqueFd fd{::memfd_create("buzon-job", MFD_CLOEXEC)};
    if (!fd) return posix::last_error();
    if (const std::error_code why = posix::write_all(fd.get(), body)) return why;
    return fd;
}

// The sender may be a worker that an attacker has taken over: reading anything but memory could block, and the size may
// be more than we can hold.
bool is_body(int fd, struct stat& about) noexcept {
    return ::fcntl(fd, F_GET_SEALS) >= 0 && ::fstat(fd, &about) == 0 && about.st_size <= max_body;
}

bool read_back(int fd, std::string& body) {
    struct stat about {};
    if (!is_body(fd, about)) {
        errno = EBADMSG;
        return false;
    }
    event::guarded([&] { body.resize(static_cast<std::size_t>(about.st_size)); }, [&] { body = {}; });
    if (body.size() != static_cast<std::size_t>(about.st_size)) {
        errno = ENOMEM; // the message has already left the socket: report it as lost
        return false;
    }
    std::size_t at = 0;
    while (at < body.size()) {
        const ssize_t n = ::pread(fd, body.data() + at, body.size() - at, static_cast<off_t>(at));
        if (n == 0) errno = EBADMSG; // it has shrunk
        if (n <= 0) return false;
        at += static_cast<std::size_t>(n);
    }
    return true;
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
    const std::array parts{iovec{&head, sizeof head}, iovec{const_cast<char*>(body.data()), body.size()}};
    std::array<int, max_descriptors> fds{};
    std::size_t count = 0;
    if (fd >= 0) fds[count++] = fd;
    if (large) fds[count++] = large.get();
    return posix::send_datagram(socket, parts, {fds.data(), count});
}

posix::Transfer receive_message(int socket, Message& into) {
    Head head{};
    std::array<char, max_inline>& room = arrivals();
    const std::array parts{iovec{&head, sizeof head}, iovec{room.data(), room.size()}};
    std::array<posix::UniqueFd, max_descriptors> received;
    const posix::Datagram got = posix::receive_datagram(socket, parts, received);
    if (got.transfer.what != posix::Moved::some) return got.transfer;
    const std::size_t length = got.transfer.bytes;
    if (length < sizeof head || length > sizeof head + room.size()) return failed({EMSGSIZE, std::system_category()});
    const std::size_t expected = std::size_t{head.has_fd} + head.large;
    // If a descriptor could not be received (our table is full), the message must not pass for one without a
    // descriptor.
    if (got.descriptors != expected || got.cut) return failed({EMFILE, std::system_category()});
    into.kind = head.kind;
    const std::size_t octets = length - sizeof head;
    into.body.assign(room.data(), octets);
    if (octets <= max_secret) posix::wipe(room.data(), octets);
    into.fd = head.has_fd ? std::move(received[0]) : posix::UniqueFd{};
    if (head.large && !read_back(received[expected - 1].get(), into.body)) return failed(posix::last_error());
    return got.transfer;
}

} // namespace buzon::worker::detail
