#include "support/datagrams.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

namespace buzon::test {

Datagrams::Datagrams(const std::string& path) : fd_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
    ::unlink(path.c_str());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) throw std::runtime_error{"the path is too long for a socket"};
    std::memcpy(address.sun_path, path.data(), path.size());
    const auto* const general = static_cast<const sockaddr*>(static_cast<const void*>(&address));
    if (::bind(fd_.get(), general, sizeof address) != 0) throw std::runtime_error{"no socket at " + path};
}

std::optional<std::string> Datagrams::next(int milliseconds) const {
    pollfd one{fd_.get(), POLLIN, 0};
    if (::poll(&one, 1, milliseconds) != 1) return std::nullopt;
    std::string text(65536, '\0');
    const ssize_t n = ::recv(fd_.get(), text.data(), text.size(), 0);
    if (n < 0) return std::nullopt;
    text.resize(static_cast<std::size_t>(n));
    return text;
}

} // namespace buzon::test
