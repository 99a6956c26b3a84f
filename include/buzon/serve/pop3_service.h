// serve/pop3_service.h - the POP3 side of the server: its listeners, its connections and their limits.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "buzon/net/listener.h"
#include "buzon/serve/places.h"
#include "buzon/serve/pop3_connection.h"
#include "buzon/serve/proxy_gate.h"

namespace buzon::serve {

class Pop3Service final : public ConnectionOwner, private login::Holders, private event::Task {
public:
    // connection_limit: as many as the descriptors allow. proxy_from: whose PROXY headers are required and believed.
    Pop3Service(const Pop3Needs& needs, std::size_t connection_limit, std::vector<net::Cidr> proxy_from);
    void set_fronts(std::vector<net::Cidr> proxy_from) { gate_.set_fronts(std::move(proxy_from)); }
    Pop3Service(const Pop3Service&) = delete;
    Pop3Service& operator=(const Pop3Service&) = delete;
    ~Pop3Service() override;

    // Binds every address (none: all of them, one dual-stack socket) on one port; 0: any free one. Nothing is accepted
    // before begin(). When it fails, what served before still does; `failed` then names the address.
    [[nodiscard]] std::error_code open(std::vector<net::Ip> addresses, std::uint16_t port, std::string& failed);
    [[nodiscard]] std::error_code begin();
    void stop_accepting();
    [[nodiscard]] bool accepting() const noexcept { return accepting_; }

    [[nodiscard]] std::uint16_t port() const noexcept;
    [[nodiscard]] const std::vector<net::Ip>& addresses() const noexcept { return addresses_; }
    [[nodiscard]] std::string address_text() const; // "::" or "127.0.0.1,::1"
    [[nodiscard]] bool serves_v4() const noexcept;
    [[nodiscard]] bool serves_v6() const noexcept;

    [[nodiscard]] std::vector<std::uint64_t> ids() const;
    [[nodiscard]] const Pop3Connection* find(std::uint64_t id) const;
    [[nodiscard]] std::size_t size() const noexcept { return connections_.size(); }
    // How many were ended.
    std::size_t kick(std::uint64_t id);
    std::size_t kick_user(std::string_view user);

    // Every session ends once the command that runs has its reply. `then` is called when the last one has gone.
    void finish_all(std::function<void()> then);
    // Time limits may have changed: they hold for the sessions that there are, too.
    void settings_changed();
    // No new connections; sessions go on to their own end.
    void drain(std::function<void()> then);

private:
    using Listeners = std::vector<std::unique_ptr<net::Listener>>;
    [[nodiscard]] posix::Result<Listeners> bind_all(const std::vector<net::Ip>& addresses, std::uint16_t port,
                                                    std::string& failed);
    [[nodiscard]] posix::Result<Listeners> bind_once(const std::vector<net::Ip>& addresses, std::uint16_t port,
                                                     std::string& failed);
    void accept(net::Accepted accepted);
    void named_by_front(std::uint64_t id, net::Accepted accepted, const net::ProxyHeader& header,
                        std::string_view early);
    void admit(std::uint64_t id, posix::UniqueFd socket, const login::ClientInfo& client, std::string_view early);
    [[nodiscard]] bool make_room();
    void refuse(int socket, const net::Ip& ip, state::Refused why);
    [[nodiscard]] bool full() const noexcept;
    [[nodiscard]] std::optional<state::Refused> refusal_for(const net::Ip& ip);
    void retire(Pop3Connection& connection) noexcept override;
    void run() override; // lets those go who have ended
    void user_came(Pop3Connection& connection) override;
    void user_left(Pop3Connection& connection) noexcept override;
    [[nodiscard]] std::size_t sessions_of(const std::string& user) const override;
    [[nodiscard]] bool give_way(std::uint64_t session) override;
    void report_when_empty();

    Pop3Needs needs_;
    std::size_t connection_limit_;
    Listeners listeners_;
    std::vector<net::Ip> addresses_;
    bool accepting_ = false;
    std::uint64_t next_id_ = 1;
    std::unordered_map<std::uint64_t, Pop3Connection> connections_; // by id; one allocation a connection
    std::vector<std::uint64_t> leaving_;
    std::unordered_map<net::Ip, std::uint32_t, net::IpHash> per_ip_;
    std::unordered_map<std::string, std::uint32_t> per_user_;
    std::function<void()> when_empty_;
    Places places_; // of those who have not logged in
    ProxyGate gate_;
};

} // namespace buzon::serve
