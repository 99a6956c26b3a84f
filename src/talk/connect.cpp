#include "connect.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "buzon/posix/result.h"

namespace buzon::client {
namespace {

using Connected = std::variant<posix::UniqueFd, std::string>;
using Clock = std::chrono::steady_clock;

// Waits for a connect() in progress; returns its error.
int outcome_of(int socket, Milliseconds patience) {
    const auto deadline = Clock::now() + patience;
    for (;;) {
        const auto left = std::chrono::ceil<Milliseconds>(deadline - Clock::now()).count();
        if (left <= 0) return ETIMEDOUT;
        pollfd ready{socket, POLLOUT, 0};
        if (::poll(&ready, 1, static_cast<int>(left)) > 0) break;
    }
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

std::string message_of(int error) {
    return std::error_code{error, std::system_category()}.message();
}

Connected connect_one(int family, const sockaddr* where, socklen_t length, Milliseconds patience) {
    posix::UniqueFd socket{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!socket) return message_of(errno);
    int error = ::connect(socket.get(), where, length) == 0 ? 0 : errno;
    // EAGAIN means a unix socket's full backlog and is an error: poll() would have nothing to wait for.
    if (error == EINPROGRESS || error == EINTR) error = outcome_of(socket.get(), patience);
    if (error != 0) return message_of(error);
    if (family != AF_UNIX) {
        const int on = 1; // only an optimisation, so a failure does not matter
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return socket;
}

Connected connect_unix(const std::string& path, Milliseconds patience) {
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    if (path.size() >= sizeof where.sun_path) return message_of(ENAMETOOLONG);
    std::memcpy(where.sun_path, path.data(), path.size());
    return connect_one(AF_UNIX, reinterpret_cast<const sockaddr*>(&where), sizeof where, patience);
}

} // namespace

Connected connect_to(const Address& address, Milliseconds patience) {
    if (!address.unix_path.empty()) return connect_unix(address.unix_path, patience);
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int trouble = ::getaddrinfo(address.host.c_str(), address.port.c_str(), &wanted, &found);
    if (trouble == EAI_SYSTEM) return message_of(errno);
    if (trouble != 0) return std::string{::gai_strerror(trouble)};
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner{found, &::freeaddrinfo};
    std::string why = "no address";
    for (const addrinfo* one = found; one; one = one->ai_next) {
        Connected connected = connect_one(one->ai_family, one->ai_addr, one->ai_addrlen, patience);
        if (std::holds_alternative<posix::UniqueFd>(connected)) return connected;
        why = std::get<std::string>(connected);
    }
    return why;
}

} // namespace buzon::client
