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
// is replaced; one that is being served is not (EADDRINUSE). The listener removes its file at the end.
class Listener final : private event::Handler, private event::TimerHandler {
public:
    using OnAccept = std::function<void(Accepted)>;
    using OnOpened = std::function<void(posix::Result<std::unique_ptr<Listener>>)>;

    // Binds and listens, but accepts only after begin(), so that several can be opened before any accepts.
    // beside: the address may overlap with that of another listener of ours ("every address" overlaps with any), which
    // serves until it is closed.
    // `then` is called as keeper::Sockets calls it.
    [[nodiscard]] static std::unique_ptr<keeper::Request> open(event::EventLoop& loop, keeper::Sockets& sockets,
                                                               const ListenAddress& where, bool beside, OnOpened then);
    // The same, but blocks, so call it only while no client is being served.
    [[nodiscard]] static posix::Result<std::unique_ptr<Listener>> open(event::EventLoop& loop, keeper::Sockets& sockets,
                                                                       const ListenAddress& where, bool beside = false);
    // Takes a socket that is already bound and listening. Leaves the file of a unix socket alone, since it is not ours.
    [[nodiscard]] static posix::Result<std::unique_ptr<Listener>> adopt(event::EventLoop& loop, posix::UniqueFd socket);
    ~Listener();

    [[nodiscard]] std::error_code begin(OnAccept on_accept);

    // Lets open(…, beside) bind an overlapping address. So can any process of our user meanwhile, so keep it short.
    void allow_beside(bool allowed) noexcept;
    // From now on the kernel drops the first packet of each new connection. The client sends it again, and by then the
    // listener should be closed. Handshakes that have begun go on, so closing the listener a moment after the last
    // accept_rest() resets no connection. Does nothing to adopted sockets, on which others may listen as well, nor to
    // unix sockets.
    void refuse_newcomers() noexcept;
    // Accepts the connections that are already established. Call it before closing the listener, or the kernel resets
    // them.
    void accept_rest();

    // The port that was bound, even if 0 was requested; 0 for a unix socket.
    [[nodiscard]] std::uint16_t port() const noexcept { return bound_.port; }
    [[nodiscard]] const Endpoint& bound() const noexcept { return bound_; }
    [[nodiscard]] bool serves_v4() const noexcept { return serves_v4_; }
    [[nodiscard]] bool serves_v6() const noexcept { return serves_v6_; }
    // Whether it was made by adopt().
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
    event::Timer accept_pause_; // after accept() ran out of descriptors, since the socket stays readable
    OnAccept on_accept_;
    Endpoint bound_;
    bool unix_ = false;
    std::string unix_path_;              // empty: the file is not ours
    keeper::Sockets* sockets_ = nullptr; // releases the socket at the end; null: it was adopted
    std::uint32_t number_ = 0;
    bool serves_v4_ = false;
    bool serves_v6_ = false;
};

} // namespace buzon::net
