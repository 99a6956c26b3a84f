#include "buzon/net/listener.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/tcp.h>

#include <array>
#include <cerrno>

namespace buzon::net {
namespace {

using namespace std::chrono_literals;

// Accepted per wake-up; the rest is reported again after other handlers have run.
constexpr int accepts_per_turn = 64;

std::error_code error_of(int code) {
    return {code, std::system_category()};
}

keeper::Listen to_listen(const SocketAddress& address, bool dual_stack, bool beside) {
    keeper::Listen what;
    what.address = address.storage;
    what.length = address.length;
    what.dual_stack = dual_stack ? 1 : 0;
    what.beside = beside ? 1 : 0;
    return what;
}

// A unix path that is too long yields an empty address.
keeper::Listen to_listen(const ListenAddress& where, bool beside) {
    if (const auto* path = std::get_if<UnixPath>(&where))
        return to_listen(to_socket_address(path->path).value_or(SocketAddress{}), false, beside);
    if (const auto* endpoint = std::get_if<Endpoint>(&where))
        return to_listen(to_socket_address(*endpoint), false, beside);
    return to_listen(to_socket_address(Endpoint{Ip{}, std::get<EveryAddress>(where).port, 0}), true, beside);
}

// Accepted sockets inherit these, which saves four calls each. The kernel probes silent peers, and gives up on one that
// has not answered for four minutes, or sooner after probe_peer() (peer.h).
void set_inherited_options(int socket) noexcept {
    const int on = 1;
    const int first_probe = 120, between_probes = 30, probes = 4; // seconds, seconds
    ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &first_probe, sizeof first_probe);
    ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &between_probes, sizeof between_probes);
    ::setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    // Also inherited: each piece of a reply is sent at once, as we wrote it.
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// Sees a packet from its TCP header on, and drops it if SYN is set without ACK.
constexpr int octet_of_flags = 13;
const std::array<sock_filter, 5> no_first_packet = {{{BPF_LD | BPF_B | BPF_ABS, 0, 0, octet_of_flags},
                                                     {BPF_ALU | BPF_AND | BPF_K, 0, 0, TH_SYN | TH_ACK},
                                                     {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, TH_SYN},
                                                     {BPF_RET | BPF_K, 0, 0, 0},
                                                     {BPF_RET | BPF_K, 0, 0, 0xffffffff}}};

constexpr int most_of_the_rest = 4096; // as many as the backlog can hold

void drop_first_packets(int socket, bool drop) noexcept {
    std::array<sock_filter, 5> steps = no_first_packet;
    const sock_fprog program{steps.size(), steps.data()};
    ::setsockopt(socket, SOL_SOCKET, drop ? SO_ATTACH_FILTER : SO_DETACH_FILTER, &program, sizeof program);
}

bool has_option(int socket, int level, int option) noexcept {
    int value = 0;
    socklen_t length = sizeof value;
    return ::getsockopt(socket, level, option, &value, &length) == 0 && value != 0;
}

} // namespace

std::unique_ptr<keeper::Request> Listener::open(event::EventLoop& loop, keeper::Sockets& sockets,
                                                const ListenAddress& where, bool beside, OnOpened then) {
    return sockets.listen(to_listen(where, beside),
                          [&loop, &sockets, where, then = std::move(then)](posix::Result<keeper::Listening> opened) {
                              if (!opened) return then(opened.error());
                              then(take(loop, sockets, where, std::move(opened).value()));
                          });
}

posix::Result<std::unique_ptr<Listener>> Listener::open(event::EventLoop& loop, keeper::Sockets& sockets,
                                                        const ListenAddress& where, bool beside) {
    if (const auto* path = std::get_if<UnixPath>(&where); path && !to_socket_address(path->path))
        return error_of(ENAMETOOLONG);
    posix::Result<std::unique_ptr<Listener>> opened = error_of(ECANCELED);
    const auto request = open(loop, sockets, where, beside, [&](auto result) { opened = std::move(result); });
    request->wait();
    return opened;
}

posix::Result<std::unique_ptr<Listener>> Listener::take(event::EventLoop& loop, keeper::Sockets& sockets,
                                                        const ListenAddress& where, keeper::Listening opened) {
    auto listener = adopt(loop, std::move(opened.socket));
    if (!listener) {
        sockets.release(opened.number);
        return listener;
    }
    listener.value()->sockets_ = &sockets;
    listener.value()->number_ = opened.number;
    if (const auto* path = std::get_if<UnixPath>(&where)) listener.value()->unix_path_ = path->path;
    listener.value()->allow_beside(false);
    // A server that crashed while draining has left the filter in place.
    if (!listener.value()->is_unix()) drop_first_packets(listener.value()->socket_.get(), false);
    return listener;
}

posix::Result<std::unique_ptr<Listener>> Listener::adopt(event::EventLoop& loop, posix::UniqueFd socket) {
    SocketAddress bound;
    bound.length = sizeof bound.storage;
    if (::getsockname(socket.get(), static_cast<sockaddr*>(static_cast<void*>(&bound.storage)), &bound.length) != 0)
        return posix::last_error();
    const int family = bound.storage.ss_family;
    if (!has_option(socket.get(), SOL_SOCKET, SO_ACCEPTCONN)) return error_of(EINVAL);
    if (family != AF_INET && family != AF_INET6 && family != AF_UNIX) return error_of(EAFNOSUPPORT);
    if (::fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0 || ::fcntl(socket.get(), F_SETFD, FD_CLOEXEC) != 0)
        return posix::last_error();
    // A process that shares the socket may clear O_NONBLOCK again, as systemd does when it starts another server on it.
    // This timeout stays: accept() then blocks for the shortest possible time.
    const timeval shortest{0, 1};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &shortest, sizeof shortest);
    std::unique_ptr<Listener> listener{new Listener(loop)};
    listener->unix_ = family == AF_UNIX;
    if (!listener->unix_) {
        set_inherited_options(socket.get());
        listener->bound_ = Endpoint::from(bound.storage);
        listener->serves_v6_ = !listener->bound_.ip.is_v4();
        listener->serves_v4_ = listener->bound_.ip.is_v4() ||
                               (listener->bound_.ip.is_any() && !has_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY));
    }
    listener->socket_ = std::move(socket);
    return listener;
}

Listener::~Listener() {
    watch_.stop();
    if (sockets_) ::shutdown(socket_.get(), SHUT_RD); // at once: the keeper holds the socket a moment longer
    socket_.reset();
    if (sockets_) sockets_->release(number_);
}

std::error_code Listener::begin(OnAccept on_accept) {
    on_accept_ = std::move(on_accept);
    return watch_.start(loop_, socket_.get(), EPOLLIN, *this);
}

void Listener::allow_beside(bool allowed) noexcept {
    const int value = allowed ? 1 : 0;
    if (!is_unix()) ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEPORT, &value, sizeof value);
}

void Listener::refuse_newcomers() noexcept {
    if (!handed_over() && !is_unix()) drop_first_packets(socket_.get(), true);
}

void Listener::accept_rest() {
    for (int left = most_of_the_rest; left > 0 && accept_one(); --left) {
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
        // Cannot happen below our limit on connections. If the whole system has run out, pause instead of spinning.
        accept_pause_.arm(loop_.timers(), loop_.now() + 100ms); // first, as it may throw
        watch_.interest(0);
    }
    return false;
}

void Listener::on_timer(event::Timer&) {
    watch_.interest(EPOLLIN);
}

} // namespace buzon::net
