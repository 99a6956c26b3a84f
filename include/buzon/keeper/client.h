// keeper/client.h - the reactor's side of its keeper: sends requests, and hears what became of them. It does not wait.
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
    // A keeper that has not answered by then has been stopped.
    static constexpr std::chrono::milliseconds usual_patience{5000};

    // `channel`: our end of the socket (keeping/service.h). on_loss: the keeper has gone, and with it all children.
    // patience: for a socket that it was asked for. Throws std::system_error if the kernel refuses.
    Client(event::EventLoop& loop, posix::UniqueFd channel, std::function<void()> on_loss,
           std::chrono::milliseconds patience = usual_patience);
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() override;

    // It serves from now on: a keeper that keeps it may start it again.
    void ready() { send(octets_of(Ready{}), {}); }

    [[nodiscard]] std::unique_ptr<Request> listen(const Listen& what, OnListening then) override;
    [[nodiscard]] std::unique_ptr<Request> connect(const std::string& path, OnConnected then) override;
    [[nodiscard]] std::unique_ptr<Request> connect_to(const Child& program, OnConnected then) override;
    void release(std::uint32_t number) noexcept override;
    // For children that are started from now on. False if these are more words than a record holds.
    [[nodiscard]] bool instruct(Role role, const std::vector<std::string>& words);
    // Of a server that root has started (AllowMail).
    void allow_mail(const std::string& root, bool believe_places, posix::UniqueFd users);
    // Rules that it keeps to, and as whom their programs run.
    void obey(Subject subject, posix::UniqueFd rules, const posix::Ids& as, std::span<const gid_t> groups = {});

private:
    class Question; // a socket that was asked for
    struct Letter { // to the keeper, where its socket was full
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
    std::unordered_map<std::uint32_t, Child*> children_; // null: nobody asks any more
    std::deque<Letter> waiting_;
    std::uint32_t last_ = 0; // the last number assigned
    std::uint32_t last_listener_ = 0;
};

} // namespace buzon::keeper
