// keeper/client.h - the reactor's side of the connection to its keeper: sends requests, and receives their results.
// Does not wait.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/keeper/sockets.h"
#include "buzon/keeper/starter.h"

namespace buzon::keeper {

class Client final : public Starter, public Sockets, private event::Handler {
public:
    // A keeper that takes longer to answer has been stopped.
    static constexpr std::chrono::milliseconds usual_patience{5000};

    // `channel`: our end of the socket (keeping/service.h). on_loss: called when the keeper has gone, and all children
    // with it. patience: how long to wait for a socket that was requested. Throws std::system_error if the kernel
    // refuses.
    Client(event::EventLoop& loop, posix::UniqueFd channel, std::function<void()> on_loss,
           std::chrono::milliseconds patience = usual_patience);
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() override;

    // The reactor serves from now on: if it dies, its keeper may start it again.
    void ready() { send(octets_of(Ready{}), {}); }

    [[nodiscard]] std::unique_ptr<Request> listen(const Listen& what, OnListening then) override;
    [[nodiscard]] std::unique_ptr<Request> connect(const std::string& path, OnConnected then) override;
    [[nodiscard]] std::unique_ptr<Request> connect_to(const Child& program, OnConnected then) override;
    void release(std::uint32_t number) noexcept override;
    // Sets the words (see Instruct) for children that are started from now on. False if one is empty, or they do not
    // fit into a record.
    [[nodiscard]] bool instruct(Role role, const std::vector<std::string>& words);
    // Only for a server that was started by root (AllowMail).
    void allow_mail(const std::string& root, bool believe_places, posix::UniqueFd users);
    // Rules that the keeper's children must obey, and the user and groups that their programs run as.
    void obey(Subject subject, posix::UniqueFd rules, const posix::Ids& as, std::span<const gid_t> groups = {});

private:
    class Question; // a request for a socket
    struct Letter { // to the keeper; waits because its socket was full
        std::vector<std::byte> record;
        posix::UniqueFd fd;
    };

    [[nodiscard]] std::uint32_t start(Child& child, const ChildSpec& spec, posix::UniqueFd socket) override;
    void kill(std::uint32_t number) noexcept override;
    void forget(std::uint32_t number) noexcept override;
    void send(Octets record, posix::UniqueFd fd);
    void send_what_waits();
    void on_ready(std::uint32_t events) override;
    void lost();

    event::EventLoop& loop_;
    posix::UniqueFd channel_;
    std::function<void()> on_loss_;
    const std::chrono::milliseconds patience_;
    event::Watch watch_;
    std::unordered_map<std::uint32_t, Child*> children_; // null: the Child is gone
    std::deque<Letter> waiting_;
    std::uint32_t last_ = 0; // the last number assigned
    std::uint32_t last_listener_ = 0;
};

} // namespace buzon::keeper
