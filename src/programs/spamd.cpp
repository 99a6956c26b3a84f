#include "spamd.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "buzon/line/number.h"
#include "buzon/posix/io.h"

namespace buzon::programs {
namespace {

using Clock = std::chrono::steady_clock;
using posix::Moved;

// More than spamd adds to any message.
constexpr std::size_t max_growth = std::size_t{1} << 20;

// False: the time is up, or poll() failed.
bool wait_for(int socket, short events, Clock::time_point until) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
        if (left <= 0) return false;
        pollfd one{socket, events, 0};
        const int ready = ::poll(&one, 1, static_cast<int>(left));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

// A connected socket, or an errno.
posix::Result<posix::UniqueFd> connect_to(int family, const sockaddr* address, socklen_t length,
                                          Clock::time_point until) {
    posix::UniqueFd socket{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!socket) return posix::last_error();
    if (::connect(socket.get(), address, length) == 0) return socket;
    if (errno != EINPROGRESS && errno != EINTR) return posix::last_error();
    if (!wait_for(socket.get(), POLLOUT, until)) return std::make_error_code(std::errc::timed_out);
    int why = 0;
    socklen_t size = sizeof why;
    ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &why, &size);
    if (why != 0) return std::error_code{why, std::system_category()};
    return socket;
}

posix::Result<posix::UniqueFd> connect_to_path(const std::string& path, Clock::time_point until) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return std::make_error_code(std::errc::filename_too_long);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return connect_to(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address, until);
}

// Tries the addresses of the host one after the other.
posix::Result<posix::UniqueFd> connect_to_host(const Spamd& spamd, Clock::time_point until) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(spamd.host.c_str(), spamd.port.c_str(), &wanted, &found) != 0)
        return std::make_error_code(std::errc::host_unreachable);
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all{found, &::freeaddrinfo};
    std::error_code why = std::make_error_code(std::errc::host_unreachable);
    for (const addrinfo* one = found; one; one = one->ai_next) {
        auto socket = connect_to(one->ai_family, one->ai_addr, one->ai_addrlen, until);
        if (socket) return socket;
        why = socket.error();
    }
    return why;
}

std::error_code send_all(int socket, std::string_view octets, Clock::time_point until) {
    while (!octets.empty()) {
        const posix::Transfer sent = posix::send_some(socket, octets);
        if (sent.what == Moved::failed) return sent.why;
        if (sent.what == Moved::some) {
            octets.remove_prefix(sent.bytes);
        } else if (!wait_for(socket, POLLOUT, until)) {
            return std::make_error_code(std::errc::timed_out);
        }
    }
    return {};
}

posix::Result<std::string> receive_all(int socket, std::size_t limit, Clock::time_point until) {
    std::string octets;
    std::array<char, 16384> piece;
    for (;;) {
        const posix::Transfer got = posix::read_some(socket, piece);
        if (got.what == Moved::end) return octets;
        if (got.what == Moved::failed) return got.why;
        if (got.what == Moved::some) {
            octets.append(piece.data(), got.bytes);
            if (octets.size() > limit) return std::make_error_code(std::errc::message_size);
        } else if (!wait_for(socket, POLLIN, until)) {
            return std::make_error_code(std::errc::timed_out);
        }
    }
}

std::string_view take_line(std::string_view& text) {
    const std::size_t end = std::min(text.find("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 2, text.size()));
    return line;
}

// "SPAMD/1.1 0 EX_OK", fields, an empty line, and as many octets as Content-length says.
Scanned parse_reply(std::string_view reply) {
    const std::string_view first = take_line(reply);
    const std::size_t blank = first.find(' ');
    if (!first.starts_with("SPAMD/") || blank == std::string_view::npos) return {{}, "not a reply from spamd"};
    const std::string_view status = first.substr(blank + 1);
    if (status != "0" && !status.starts_with("0 ")) return {{}, "spamd says " + std::string{status}};
    std::optional<std::size_t> length;
    for (std::string_view line = take_line(reply); !line.empty(); line = take_line(reply)) {
        constexpr std::string_view field = "content-length:";
        if (line.size() <= field.size() || ::strncasecmp(line.data(), field.data(), field.size()) != 0) continue;
        std::string_view number = line.substr(field.size());
        number.remove_prefix(std::min(number.find_first_not_of(' '), number.size()));
        length = line::parse_whole<std::size_t>(number);
    }
    if (!length || *length != reply.size()) return {{}, "spamd's reply does not match its Content-length"};
    return {std::string{reply}, {}};
}

} // namespace

Scanned ask_spamd(const Spamd& spamd, std::string_view message, std::string_view user) {
    const Clock::time_point until = Clock::now() + spamd.timeout;
    const auto socket = spamd.socket.empty() ? connect_to_host(spamd, until) : connect_to_path(spamd.socket, until);
    const std::string place = spamd.socket.empty() ? spamd.host + " port " + spamd.port : spamd.socket;
    if (!socket) return {{}, "spamd at " + place + ": " + socket.error().message()};
    const int fd = socket.value().get();
    std::string request = "PROCESS SPAMC/1.5\r\n";
    const auto printable = [](char c) { return static_cast<unsigned char>(c) > ' ' && c != 0x7f; };
    if (!user.empty() && std::all_of(user.begin(), user.end(), printable))
        request.append("User: ").append(user).append("\r\n");
    request.append("Content-length: ").append(std::to_string(message.size())).append("\r\n\r\n").append(message);
    // spamd may answer, and close, before it has read everything.
    const std::error_code not_sent = send_all(fd, request, until);
    if (!not_sent) ::shutdown(fd, SHUT_WR);
    const auto reply = receive_all(fd, message.size() + max_growth, until);
    if (!reply) return {{}, "spamd at " + place + ": " + (not_sent ? not_sent : reply.error()).message()};
    return parse_reply(reply.value());
}

} // namespace buzon::programs
