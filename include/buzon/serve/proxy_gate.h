// serve/proxy_gate.h - holds connections from trusted front ends until their PROXY header has named the client. Sends
// no greeting; a peer that sends anything else, or nothing in time, is disconnected without a reply.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "buzon/net/address.h"
#include "buzon/net/listener.h"
#include "buzon/net/proxy_header.h"
#include "buzon/net/stream.h"
#include "buzon/serve/places.h"
#include "buzon/state/event_bus.h"
#include "buzon/state/metrics.h"

namespace buzon::serve {

// What the gate shares with its service; outlives the gate.
struct GateNeeds {
    event::EventLoop& loop;
    net::StreamRoom& room;
    state::Metrics& metrics;
    state::EventBus& events;
};

class ProxyGate {
public:
    // What the client sent after the header is still in the socket. `tls`: as in admit().
    using OnPassed =
        std::function<void(std::uint64_t id, net::Accepted accepted, const net::ProxyHeader& header, bool tls)>;

    // `places` lists the waiting connections until they have passed or ended.
    ProxyGate(GateNeeds needs, Places& places, std::vector<net::Cidr> fronts, OnPassed passed);
    ProxyGate(const ProxyGate&) = delete;
    ProxyGate& operator=(const ProxyGate&) = delete;
    ~ProxyGate();

    // Applies to connections accepted from now on.
    void set_fronts(std::vector<net::Cidr> fronts) { fronts_ = std::move(fronts); }
    // Whether this peer is a front end, which must send a header.
    [[nodiscard]] bool guards(const net::Ip& peer) const noexcept;
    // tls: the connection came to a port for TLS, where a handshake follows the header.
    void admit(std::uint64_t id, net::Accepted accepted, bool tls);
    // Closes this connection. Sends `line` first, unless the connection is for TLS.
    void turn_away(std::uint64_t id, std::string_view line);
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
    void close_all();
    // From now on, schedules `task` when the last waiting connection has left.
    void when_empty(event::Task& task) noexcept { when_empty_ = &task; }

private:
    class Waiter;
    void passed(Waiter& waiter, const net::ProxyHeader& header);
    void refuse(Waiter& waiter, std::string_view why);

    GateNeeds needs_;
    Places& places_;
    std::vector<net::Cidr> fronts_;
    OnPassed passed_;
    event::Task* when_empty_ = nullptr;
    [[nodiscard]] std::unique_ptr<Waiter> take_out(std::uint64_t id);
    std::unordered_map<std::uint64_t, std::unique_ptr<Waiter>> waiting_;
};

} // namespace buzon::serve
