// tls/gate.h - clients that use TLS: each is relayed to the TLS program, which connects back to a socket of ours with
// the decrypted octets of the client, and a PROXY header that identifies it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/net/address.h"
#include "buzon/net/listener.h"
#include "buzon/tls/engine.h"

namespace buzon::tls {

class Relay;
class PipeRoom;

struct Client {
    std::uint64_t id = 0;
    net::Endpoint address;
    bool greeted = false;   // it used STLS
    event::Instant began{}; // when it connected
};

class GateEvents {
public:
    // The handshake is done; `socket` carries the client's decrypted octets. `certificate`: see
    // Engine::certificate_behind().
    virtual void encrypted(const Client& client, posix::UniqueFd socket, const std::string& certificate) = 0;
    // The client has gone, or was turned away, before that. too_late: its time was up.
    virtual void not_encrypted(const Client& client, bool too_late) noexcept = 0;
    // No client uses TLS any more.
    virtual void last_relay_ended() noexcept = 0;
    virtual void tls_works(bool works) = 0;
    virtual void tls_says(bool error, const std::string& text) = 0;

protected:
    ~GateEvents() = default;
};

class Gate final : private EngineEvents {
public:
    Gate(event::EventLoop& loop, keeper::Sockets& sockets, keeper::Starter& starter, GateEvents& events);
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;
    ~Gate();

    // Starts the program. use.back: where we listen for its connections.
    [[nodiscard]] std::error_code begin(const Use& use);
    void renew(const Use& use);
    [[nodiscard]] bool works() const noexcept { return engine_ && engine_->works(); }

    // Begins a client's handshake. If the program is not running at the moment, the client waits for it.
    // until: when the handshake must be done.
    void admit(const Client& client, event::Instant until, posix::UniqueFd socket);
    // Ends a handshake. Returns its client; nothing if the id has no handshake under way.
    std::optional<Client> turn_away(std::uint64_t id);
    void end_handshakes();
    // The session on the client's decrypted socket has ended. What is still on its way goes to the client, unless it
    // takes none of it for `patience`. Does nothing if the client is unknown, or is in its handshake (it used STLS).
    void session_ended(std::uint64_t id, std::chrono::milliseconds patience) noexcept;

    [[nodiscard]] std::size_t handshakes() const noexcept { return handshakes_; }
    // Clients in their handshake, in their session, or after it.
    [[nodiscard]] std::size_t size() const noexcept;
    // How many pipes hold what clients have not taken yet; each needs two descriptors.
    [[nodiscard]] std::size_t pipes() const noexcept;
    // The client's own socket; -1: not one of ours.
    [[nodiscard]] int socket_of(std::uint64_t id) const noexcept;

private:
    class Passage;
    class Arrival;
    friend class Passage;
    friend class Arrival;

    void engine_works(bool works) override;
    void engine_says(bool error, const std::string& text) override { events_.tls_says(error, text); }
    void came_back(net::Accepted accepted);
    void named(Arrival& arrival, const net::Endpoint& relay, posix::UniqueFd socket);
    void forget(Arrival& arrival);
    void connected(Passage& passage, posix::Result<posix::UniqueFd> socket);
    void passage_ended(Passage& passage) noexcept;
    void sweep();

    event::EventLoop& loop_;
    keeper::Sockets& sockets_;
    keeper::Starter& starter_;
    GateEvents& events_;
    std::unique_ptr<PipeRoom> pipes_;
    std::unique_ptr<Engine> engine_;
    std::unique_ptr<net::Listener> back_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Passage>> passages_; // by client id
    // The ids of clients in their handshake, by the ports of our connection to the program: its own and ours.
    std::unordered_map<std::uint32_t, std::uint64_t> by_ports_;
    std::vector<std::unique_ptr<Arrival>> arrivals_; // those whose PROXY header has not come yet
    std::size_t handshakes_ = 0;
    class Sweeper;
    std::unique_ptr<Sweeper> sweeper_;
};

} // namespace buzon::tls
