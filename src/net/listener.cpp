#include "buzon/net/listener.h"

#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>

namespace buzon::net {
namespace {

using namespace std::chrono_literals;

// Accepted per wake-up; the rest is reported again after other handlers have run.
constexpr int accepts_per_turn = 64;
constexpr int backlog = 4096; // the kernel caps it at net.core.somaxconn

std::error_code error_of(int code) {
    return {code, std::system_category()};
}

bool somebody_serves(const SocketAddress& address) {
    const posix::UniqueFd probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    return probe && (::connect(probe.get(), address.get(), address.length) == 0 || errno == EAGAIN);
}

} // namespace

posix::Result<std::unique_ptr<Listener>> Listener::open(event::EventLoop& loop, const ListenAddress& where,
                                                        bool beside) {
    std::unique_ptr<Listener> listener{new Listener(loop)};
    listener->beside_ = beside;
    if (const std::error_code why = listener->bind_to(where)) return why;
    listener->allow_beside(false);
    return listener;
}

Listener::~Listener() {
    watch_.stop();
    struct stat about {};
    if (is_unix() && ::lstat(unix_path_.c_str(), &about) == 0 && about.st_ino == unix_inode_) {
        ::unlink(unix_path_.c_str());
    }
}

std::error_code Listener::bind_to(const ListenAddress& where) {
    if (const auto* unix_path = std::get_if<UnixPath>(&where)) return bind_unix(unix_path->path);
    if (const auto* endpoint = std::get_if<Endpoint>(&where)) return bind_ip(*endpoint, false);
    const std::uint16_t port = std::get<EveryAddress>(where).port;
    const std::error_code why = bind_ip(Endpoint{Ip{}, port, 0}, true);
    // A machine without IPv6 still has all IPv4 addresses.
    if (why == error_of(EAFNOSUPPORT) || why == error_of(EADDRNOTAVAIL)) {
        return bind_ip(Endpoint{Ip::from_v4(0), port, 0}, false);
    }
    return why;
}

std::error_code Listener::bind_ip(const Endpoint& endpoint, bool dual_stack) {
    const SocketAddress address = to_socket_address(endpoint);
    socket_.reset(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) return posix::last_error();
    const int on = 1;
    const int v6_only = dual_stack ? 0 : 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (beside_) allow_beside(true);
    // Accepted sockets inherit these, which saves four calls each. The kernel probes silent peers, and gives one up
    // that has not answered for four minutes, or sooner after probe_peer() (peer.h).
    const int first_probe = 120, between_probes = 30, probes = 4; // seconds, seconds
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_KEEPIDLE, &first_probe, sizeof first_probe);
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_KEEPINTVL, &between_probes, sizeof between_probes);
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    // Inherited, too: every reply is sent at once, in the piece that we made.
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (address.storage.ss_family == AF_INET6 &&
        ::setsockopt(socket_.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only) != 0) {
        return posix::last_error();
    }
    if (::bind(socket_.get(), address.get(), address.length) != 0) return posix::last_error();
    if (::listen(socket_.get(), backlog) != 0) return posix::last_error();
    SocketAddress bound;
    bound.length = sizeof bound.storage;
    if (::getsockname(socket_.get(), static_cast<sockaddr*>(static_cast<void*>(&bound.storage)), &bound.length) != 0) {
        return posix::last_error();
    }
    bound_ = Endpoint::from(bound.storage);
    serves_v4_ = dual_stack || endpoint.ip.is_v4();
    serves_v6_ = !endpoint.ip.is_v4();
    return {};
}

std::error_code Listener::bind_unix(const std::string& path) {
    const std::optional<SocketAddress> address = to_socket_address(path);
    if (!address) return error_of(ENAMETOOLONG);
    struct stat about {};
    if (::lstat(path.c_str(), &about) == 0) {
        if (!S_ISSOCK(about.st_mode)) return error_of(EEXIST);
        if (somebody_serves(*address)) return error_of(EADDRINUSE);
        ::unlink(path.c_str());
    }
    socket_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) return posix::last_error();
    // The mode must be right from the start: set by umask, since chmod would come too late.
    const mode_t before = ::umask(0177);
    const int bound = ::bind(socket_.get(), address->get(), address->length);
    const std::error_code why = posix::last_error();
    ::umask(before);
    if (bound != 0) return why;
    if (::lstat(path.c_str(), &about) != 0) return posix::last_error();
    unix_path_ = path;
    unix_inode_ = about.st_ino;
    if (::listen(socket_.get(), backlog) != 0) return posix::last_error();
    return {};
}

std::error_code Listener::begin(OnAccept on_accept) {
    on_accept_ = std::move(on_accept);
    return watch_.start(loop_, socket_.get(), EPOLLIN, *this);
}

void Listener::allow_beside(bool allowed) noexcept {
    const int value = allowed ? 1 : 0;
    if (!is_unix()) ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEPORT, &value, sizeof value);
}

void Listener::accept_rest() {
    while (accept_one()) {
    }
}

void Listener::on_ready(std::uint32_t) {
    for (int i = 0; i < accepts_per_turn && accept_one(); ++i) {
    }
}

bool Listener::accept_one() {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    posix::UniqueFd socket{::accept4(socket_.get(), static_cast<sockaddr*>(static_cast<void*>(&address)), &length,
                                     SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (socket) {
        on_accept_(Accepted{std::move(socket), Endpoint::from(address), is_unix()});
        return true;
    }
    if (errno == EINTR || errno == ECONNABORTED) return true;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // Cannot happen below our limit on connections. If the whole system has none left, pause instead of spinning.
        watch_.interest(0);
        accept_pause_.arm(loop_.timers(), loop_.now() + 100ms);
    }
    return false;
}

void Listener::on_timer(event::Timer&) {
    watch_.interest(EPOLLIN);
}

} // namespace buzon::net
