// keeper/sockets.h - sockets that another process makes: the one that serves strangers may neither bind nor connect.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/keeper/message.h"
#include "buzon/keeper/starter.h"
#include "buzon/posix/ids.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::keeper {

// Prefix of the name of a folder that was made for one unix socket, and is removed with it.
inline constexpr const char* folder_of_one_socket = "buzon-tls-";

struct Listening {
    posix::UniqueFd socket; // non-blocking, close-on-exec
    std::uint32_t number = 0;
};

// A request for a socket. Destroying it cancels it: no socket is left open, here or in the keeper.
class Request {
public:
    Request() = default;
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;
    virtual ~Request() = default;

    // Blocks until the answer has been handled, so call it only while nobody is served: before the loop runs, or after
    // it.
    virtual void wait() = 0;
};

class Sockets {
public:
    using OnListening = std::function<void(posix::Result<Listening>)>;
    using OnConnected = std::function<void(posix::Result<posix::UniqueFd>)>;

    // `then` is called once, by the loop or in Request::wait(), never from within these calls, unless the Request was
    // destroyed before. It may destroy the Request. ETIMEDOUT: no answer within some seconds.

    // A socket that is bound and listens.
    [[nodiscard]] virtual std::unique_ptr<Request> listen(const Listen& what, OnListening then) = 0;
    // A datagram socket connected to a unix path of the configuration.
    [[nodiscard]] virtual std::unique_ptr<Request> connect(const std::string& path, OnConnected then) = 0;
    // A TCP socket connected, or about to be, to a child that is a TLS program.
    [[nodiscard]] virtual std::unique_ptr<Request> connect_to(const Child& program, OnConnected then) = 0;
    // Stops listening; close the socket before. Removes the file of a unix socket.
    virtual void release(std::uint32_t number) noexcept = 0;

protected:
    ~Sockets() = default;
};

// Listening sockets, and the requests that they were made for. The only access to a disk is to the folder of a unix
// socket.
class Listeners {
public:
    Listeners() = default;
    Listeners(const Listeners&) = delete;
    Listeners& operator=(const Listeners&) = delete;
    ~Listeners(); // releases all

    // The descriptor is borrowed. A listener that the previous reactor had for the same address is taken over, with its
    // backlog.
    [[nodiscard]] posix::Result<int> listen(const Listen& what);
    void release(std::uint32_t number) noexcept;
    // The reactor has died: its listeners wait for the next one.
    void orphan() noexcept;
    void release_orphans() noexcept; // those that the next one has not taken over
    // In a forked child: closes the sockets, but leaves their files.
    void let_go() noexcept { all_.clear(); }
    // Gives the file of a unix socket to this user.
    void give_file_to(std::uint32_t number, const posix::Ids& who) noexcept;
    [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }

private:
    struct One {
        Listen asked;
        posix::UniqueFd socket;
        ino_t inode = 0; // of the file of a unix socket, so that we never remove a successor's
        bool orphan = false;
    };
    static void remove_file(const One& one) noexcept;

    std::vector<One> all_;
};

// Whether its path is in a folder that was made for it alone.
[[nodiscard]] bool is_for_one_socket(const Listen& what);

// ENAMETOOLONG: no unix socket can have that path.
[[nodiscard]] posix::Result<Connect> to_connect(const std::string& path);
[[nodiscard]] posix::Result<posix::UniqueFd> connect_here(const Connect& what);

// Listens on a free port of 127.0.0.1.
[[nodiscard]] posix::Result<posix::UniqueFd> listen_on_loopback();
// A connection to such a listener.
[[nodiscard]] posix::Result<posix::UniqueFd> connect_to_listener(int listener);

// Makes sockets in this process, in the next turn: for tests.
class SocketsHere final : public Sockets {
public:
    explicit SocketsHere(event::EventLoop& loop) noexcept : loop_{loop} {}
    [[nodiscard]] std::unique_ptr<Request> listen(const Listen& what, OnListening then) override;
    [[nodiscard]] std::unique_ptr<Request> connect(const std::string& path, OnConnected then) override;
    // Always ENOSYS: no TLS program is started here.
    [[nodiscard]] std::unique_ptr<Request> connect_to(const Child& program, OnConnected then) override;
    void release(std::uint32_t number) noexcept override { listeners_.release(number); }

private:
    class Later;

    event::EventLoop& loop_;
    Listeners listeners_;
    std::uint32_t last_ = 0;
};

} // namespace buzon::keeper
