// serve/pop3_service.h - the POP3 side of the server: listeners, connections and their limits.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "buzon/net/listener.h"
#include "buzon/serve/binding.h"
#include "buzon/serve/places.h"
#include "buzon/serve/pop3_connection.h"
#include "buzon/serve/proxy_gate.h"
#include "buzon/tls/gate.h"

namespace buzon::serve {

class Pop3Service final : public ConnectionOwner,
                          private login::Holders,
                          private event::Task,
                          private event::TimerHandler,
                          private tls::GateEvents {
public:
    // connection_limit: what the descriptors allow. proxy_from: peers that must send a PROXY header, which is trusted.
    Pop3Service(const Pop3Needs& needs, std::size_t connection_limit, std::vector<net::Cidr> proxy_from);
    void set_fronts(std::vector<net::Cidr> proxy_from) { gate_.set_fronts(std::move(proxy_from)); }
    Pop3Service(const Pop3Service&) = delete;
    Pop3Service& operator=(const Pop3Service&) = delete;
    ~Pop3Service() override;

    // Binds the addresses with one port, as Binding does; accepts nothing before begin(). Blocks: for startup.
    // `failed`: the address that could not be bound.
    [[nodiscard]] std::error_code open(const std::vector<net::Ip>& addresses, std::uint16_t port, std::string& failed);
    // Call instead of open(): takes sockets that are already bound.
    [[nodiscard]] std::error_code adopt(std::vector<posix::UniqueFd> sockets);
    // Enables STLS, and POP3 over TLS on these addresses (as open()) or on sockets that are already bound. Call it
    // before begin(). on_change: called with whether TLS works now.
    struct TlsPlan {
        keeper::Starter& starter;
        tls::Use use;
        std::vector<net::Ip> addresses;
        std::uint16_t port = 0;
        std::vector<posix::UniqueFd> sockets;
        std::function<void(bool)> on_change;
    };
    [[nodiscard]] std::error_code open_tls(TlsPlan plan, std::string& failed);
    // The certificate may have changed.
    void renew_tls(const tls::Use& use);
    [[nodiscard]] std::vector<std::string> tls_addresses() const;
    [[nodiscard]] std::error_code begin();
    [[nodiscard]] bool accepting() const noexcept { return accepting_; }

    // Listens elsewhere once all new sockets are open. Until then, and on failure, the present ones serve. `then` is
    // called by the loop; destroying the Moving before that cancels it. Returns null if one is in progress.
    class Moving;
    using OnMoved = std::function<void(std::error_code why, const std::string& failed)>;
    [[nodiscard]] std::unique_ptr<Moving> move_to(std::vector<net::Ip> addresses, std::uint16_t port, OnMoved then);

    [[nodiscard]] std::uint16_t port() const noexcept;
    [[nodiscard]] const std::vector<net::Ip>& addresses() const noexcept { return addresses_; }
    [[nodiscard]] std::string address_text() const; // "::" or "127.0.0.1,::1"
    [[nodiscard]] bool serves_v4() const noexcept;
    [[nodiscard]] bool serves_v6() const noexcept;

    [[nodiscard]] std::vector<std::uint64_t> ids() const;
    [[nodiscard]] const Pop3Connection* find(std::uint64_t id) const;
    [[nodiscard]] std::size_t size() const noexcept { return connections_.size(); }
    // Return the number of sessions closed.
    std::size_t kick(std::uint64_t id);
    std::size_t kick_user(std::string_view user);

    // Closes every session once its current command has been answered. If a service manager holds the listening
    // sockets, sessions first have a moment to end by themselves. Calls `then` when the last one has gone.
    void finish_all(std::function<void()> then);
    // Time limits may have changed: applies them to existing sessions, too.
    void settings_changed();
    // Accepts no new connections. Existing ones go on until they end, including those that have not logged in yet.
    void drain(std::function<void()> then);

private:
    [[nodiscard]] Binding::Result bind_now(const std::vector<net::Ip>& addresses, std::uint16_t port);
    [[nodiscard]] std::error_code use(Listeners fresh, std::vector<net::Ip> addresses);
    void close_listeners();
    [[nodiscard]] bool newcomers_can_wait() const noexcept;
    void finish_sessions(event::Instant silent_since);
    void accept_last();
    void tell_when_empty(std::function<void()> then);
    void accept(net::Accepted accepted);
    void named_by_front(std::uint64_t id, net::Accepted accepted, const net::ProxyHeader& header, bool tls_port);
    void admit(std::uint64_t id, posix::UniqueFd socket, const login::ClientInfo& client);
    void accept_tls(net::Accepted accepted);
    void shake_hands(const tls::Client& client, posix::UniqueFd socket);
    void refuse_unheard(const net::Ip& ip, state::Refused why);
    void tls_begins(Pop3Connection& connection, posix::UniqueFd socket) override;
    void begin_handshake(const tls::Client& client, posix::UniqueFd socket);
    void end_handshake(const tls::Client& client) noexcept;
    void end_session(std::uint64_t id) noexcept;
    void encrypted(const tls::Client& client, posix::UniqueFd socket, const std::string& certificate) override;
    void not_encrypted(const tls::Client& client, bool too_late) noexcept override;
    void last_relay_ended() noexcept override { report_when_empty(); }
    void tls_works(bool works) override;
    void tls_says(bool error, const std::string& text) override;
    [[nodiscard]] int wire_of(const Pop3Connection& connection) const noexcept override;
    [[nodiscard]] Pop3Connection* add(std::uint64_t id, posix::UniqueFd socket, const login::ClientInfo& client);
    [[nodiscard]] bool make_room(std::size_t newcomers = 1);
    void refuse(int socket, const net::Ip& ip, state::Refused why);
    [[nodiscard]] bool has_room(std::size_t newcomers) const noexcept;
    [[nodiscard]] std::optional<state::Refused> refusal_for(const net::Ip& ip);
    void retire(Pop3Connection& connection) noexcept override;
    void run() override; // destroys connections that have ended
    void user_came(Pop3Connection& connection) override;
    void user_left(Pop3Connection& connection) noexcept override;
    [[nodiscard]] std::size_t sessions_of(const std::string& user) const override;
    [[nodiscard]] bool give_way(std::uint64_t session) override;
    void on_timer(event::Timer& which) override;
    void report_when_empty();

    Pop3Needs needs_;
    std::size_t connection_limit_;
    Listeners listeners_;
    std::vector<net::Ip> addresses_;
    Moving* moving_ = nullptr; // in progress
    bool accepting_ = false;
    std::uint64_t next_id_ = 1;
    std::unordered_map<std::uint64_t, Pop3Connection> connections_; // by id; one allocation per connection
    std::vector<std::uint64_t> leaving_;
    std::unordered_map<net::Ip, std::uint32_t, net::IpHash> per_ip_;
    std::unordered_map<std::string, std::uint32_t> per_user_;
    std::function<void()> when_empty_;
    Places places_; // of connections that have not logged in
    ProxyGate gate_;
    Listeners tls_listeners_;
    std::function<void(bool)> on_tls_change_;
    std::unique_ptr<tls::Gate> tls_; // null: no TLS
    event::Timer farewell_{*this};
    event::Instant last_moment_{}; // after finish_all(): when the remaining sessions are closed
};

class Pop3Service::Moving {
public:
    Moving(Pop3Service& service, std::vector<net::Ip> addresses, std::uint16_t port, OnMoved then);
    Moving(const Moving&) = delete;
    Moving& operator=(const Moving&) = delete;
    ~Moving();
    void begin();

private:
    void allow_beside(bool allowed) noexcept;
    void done(Binding::Result bound);
    void end() noexcept;

    Pop3Service& service_;
    std::vector<net::Ip> addresses_;
    std::uint16_t port_;
    bool beside_;
    OnMoved then_; // null: it is over
    std::optional<Binding> binding_;
};

} // namespace buzon::serve
