// net/listener.h - accepts connections, also when descriptors run out. Knows no protocol.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/net/address.h"
#include "buzon/posix/result.h"

namespace buzon::net {

// Where to listen: an endpoint, every address on one dual-stack socket, or a unix socket.
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

// One listening socket. A unix socket's file has mode 0600; one left behind by a server that was killed is replaced,
// one that somebody serves is not (EADDRINUSE). It is removed when the listener goes.
class Listener final : private event::Handler, private event::TimerHandler {
public:
    using OnAccept = std::function<void(Accepted)>;

    // Binds and listens, but accepts only from begin() on: so that several can be opened before any serves.
    // beside: another listener of ours that may overlap, as "every address" overlaps any; it serves until it is closed.
    [[nodiscard]] static posix::Result<std::unique_ptr<Listener>> open(event::EventLoop& loop,
                                                                       const ListenAddress& where, bool beside = false);
    ~Listener();

    [[nodiscard]] std::error_code begin(OnAccept on_accept);

    // Lets open(…, beside) take an overlapping address. Anybody of our user could while it is allowed: not for long.
    void allow_beside(bool allowed) noexcept;
    // Accepts what has connected already: to be called before the listener is closed, or the kernel refuses them.
    void accept_rest();

    // What was really bound: the port, also when 0 was asked for; 0 of a unix socket.
    [[nodiscard]] std::uint16_t port() const noexcept { return bound_.port; }
    [[nodiscard]] const Endpoint& bound() const noexcept { return bound_; }
    [[nodiscard]] bool serves_v4() const noexcept { return serves_v4_; }
    [[nodiscard]] bool serves_v6() const noexcept { return serves_v6_; }
    [[nodiscard]] bool is_unix() const noexcept { return !unix_path_.empty(); }
    [[nodiscard]] const std::string& unix_path() const noexcept { return unix_path_; }

private:
    explicit Listener(event::EventLoop& loop) : loop_{loop}, rest_{*this} {}
    [[nodiscard]] std::error_code bind_to(const ListenAddress& where);
    [[nodiscard]] std::error_code bind_ip(const Endpoint& endpoint, bool dual_stack);
    [[nodiscard]] bool accept_one();
    [[nodiscard]] std::error_code bind_unix(const std::string& path);
    void on_ready(std::uint32_t events) override;
    void on_timer(event::Timer& which) override;

    event::EventLoop& loop_;
    posix::UniqueFd socket_;
    event::Watch watch_;
    event::Timer rest_; // a pause after accept() found no descriptor, since readiness would come back at once
    OnAccept on_accept_;
    Endpoint bound_;
    std::string unix_path_;
    ino_t unix_inode_ = 0; // of our file: never remove a successor's
    bool beside_ = false;
    bool serves_v4_ = false;
    bool serves_v6_ = false;
};

} // namespace buzon::net
