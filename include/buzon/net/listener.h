// net/listener.h - accepts connections, and copes when descriptors run out.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/keeper/sockets.h"
#include "buzon/net/address.h"
#include "buzon/posix/result.h"

namespace buzon::net {

// Where to listen: an endpoint, every address on one dual-stack socket (EAFNOSUPPORT or EADDRNOTAVAIL on a machine
// without IPv6), or a unix socket.
struct EveryAddress {
    std::uint16_t port = 0;
};
struct UnixPath {
    std::string path;
};
using ListenAddress = std::variant<EveryAddress, Endpoint, UnixPath>;

struct Accepted {
    posix::UniqueFd socket; // non-blocking, close-on-exec
    Endpoint peer;          // of a unix peer: ::, port 0
    bool over_unix = false;
};

// One listening socket, made by the keeper. A unix socket's file has mode 0600. A file left behind by a killed server
// is replaced; one that is being served is not (EADDRINUSE). The file goes with the listener.
class Listener final : private event::Handler, private event::TimerHandler {
public:
    using OnAccept = std::function<void(Accepted)>;
    using OnOpened = std::function<void(posix::Result<std::unique_ptr<Listener>>)>;

    // Binds and listens, but accepts only after begin(), so that several can be opened before any accepts.
    // beside: another listener of ours may overlap ("every address" overlaps any) and serves until it is closed.
    // `then` is called as keeper::Sockets calls it.
    [[nodiscard]] static std::unique_ptr<keeper::Request> open(event::EventLoop& loop, keeper::Sockets& sockets,
                                                               const ListenAddress& where, bool beside, OnOpened then);
    // The same. Waits, so only where nobody is served.
    [[nodiscard]] static posix::Result<std::unique_ptr<Listener>> open(event::EventLoop& loop, keeper::Sockets& sockets,
                                                                       const ListenAddress& where, bool beside = false);
    // A socket that somebody else has bound, and that listens. A unix socket's file stays, since it is not ours.
    [[nodiscard]] static posix::Result<std::unique_ptr<Listener>> adopt(event::EventLoop& loop, posix::UniqueFd socket);
    ~Listener();

    [[nodiscard]] std::error_code begin(OnAccept on_accept);

    // Lets open(…, beside) bind an overlapping address. Meanwhile any process of our user could, so keep it short.
    void allow_beside(bool allowed) noexcept;
    // From now on the kernel drops the first packet of each new connection; its sender tries again, and by then the
    // listener should be closed. Handshakes that have begun go on, so closing it a moment after the last accept_rest()
    // resets nobody. Does nothing to sockets that others listen on as well (adopt), nor to unix sockets.
    void refuse_newcomers() noexcept;
    // Accepts the connections already made. Call it before closing the listener, or the kernel resets them.
    void accept_rest();

    // The port that was bound, also if 0 was asked for; 0 for a unix socket.
    [[nodiscard]] std::uint16_t port() const noexcept { return bound_.port; }
    [[nodiscard]] const Endpoint& bound() const noexcept { return bound_; }
    [[nodiscard]] bool serves_v4() const noexcept { return serves_v4_; }
    [[nodiscard]] bool serves_v6() const noexcept { return serves_v6_; }
    // It came by adopt().
    [[nodiscard]] bool handed_over() const noexcept { return sockets_ == nullptr; }
    [[nodiscard]] bool is_unix() const noexcept { return unix_; }
    [[nodiscard]] const std::string& unix_path() const noexcept { return unix_path_; }

private:
    explicit Listener(event::EventLoop& loop) : loop_{loop}, accept_pause_{*this} {}
    [[nodiscard]] static posix::Result<std::unique_ptr<Listener>>
    take(event::EventLoop& loop, keeper::Sockets& sockets, const ListenAddress& where, keeper::Listening opened);
    [[nodiscard]] bool accept_one();
    void on_ready(std::uint32_t events) override;
    void on_timer(event::Timer& which) override;

    event::EventLoop& loop_;
    posix::UniqueFd socket_;
    event::Watch watch_;
    event::Timer accept_pause_; // after accept() found no descriptor, since the socket stays readable
    OnAccept on_accept_;
    Endpoint bound_;
    bool unix_ = false;
    std::string unix_path_;              // empty: the file is not ours
    keeper::Sockets* sockets_ = nullptr; // where it is to be released; null: nowhere
    std::uint32_t number_ = 0;
    bool serves_v4_ = false;
    bool serves_v6_ = false;
};

} // namespace buzon::net
