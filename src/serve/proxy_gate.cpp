#include "buzon/serve/proxy_gate.h"

#include <algorithm>

#include "buzon/event/memory.h"
#include "buzon/login/refusals.h"
#include "buzon/posix/io.h"

namespace buzon::serve {
namespace {

using namespace std::chrono_literals;

// A front end sends its header at once; this allows for networks that lose packets.
constexpr auto time_for_header = 5s;

} // namespace

class ProxyGate::Waiter final : private event::Handler, private event::TimerHandler {
public:
    Waiter(ProxyGate& gate, std::uint64_t id, net::Accepted accepted)
        : gate_{gate}, id_{id}, accepted_{std::move(accepted)}, timer_{*this} {}

    [[nodiscard]] std::error_code start() {
        event::EventLoop& loop = gate_.needs_.loop;
        timer_.arm(loop.timers(), loop.now() + time_for_header);
        return watch_.start(loop, accepted_.socket.get(), EPOLLIN, *this);
    }

    // Returns the socket, no longer watched.
    [[nodiscard]] net::Accepted take() {
        watch_.stop();
        return std::move(accepted_);
    }
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    [[nodiscard]] int socket() const noexcept { return accepted_.socket.get(); }
    [[nodiscard]] const net::Endpoint& peer() const noexcept { return accepted_.peer; }
    [[nodiscard]] std::string_view behind(std::size_t header) const { return std::string_view{octets_}.substr(header); }

private:
    void on_ready(std::uint32_t) override {
        const std::span<char> room = gate_.needs_.room.buffer();
        const posix::Transfer got = posix::read_some(accepted_.socket.get(), room);
        if (got.what == posix::Moved::would_block) return;
        if (got.what != posix::Moved::some) return gate_.refuse(*this, "disconnected before its PROXY header");
        octets_.append(room.data(), got.bytes);
        net::ProxyHeader header;
        switch (net::parse_proxy_header(octets_, header)) {
        case net::ProxyParse::more: return;
        case net::ProxyParse::malformed: return gate_.refuse(*this, "no valid PROXY header");
        case net::ProxyParse::complete: return gate_.passed(*this, header);
        }
    }
    void on_timer(event::Timer&) override { gate_.refuse(*this, "no PROXY header in time"); }

    ProxyGate& gate_;
    std::uint64_t id_;
    net::Accepted accepted_;
    event::Timer timer_;
    event::Watch watch_;
    std::string octets_; // the header so far; the parser never needs more than longest_proxy_header
};

ProxyGate::ProxyGate(GateNeeds needs, Places& places, std::vector<net::Cidr> fronts, OnPassed passed)
    : needs_{needs}, places_{places}, fronts_{std::move(fronts)}, passed_{std::move(passed)} {}

ProxyGate::~ProxyGate() = default;

bool ProxyGate::guards(const net::Ip& peer) const noexcept {
    return std::any_of(fronts_.begin(), fronts_.end(), [&](const net::Cidr& front) { return front.contains(peer); });
}

void ProxyGate::admit(std::uint64_t id, net::Accepted accepted) {
    Waiter& started = *waiting_.emplace(id, std::make_unique<Waiter>(*this, id, std::move(accepted))).first->second;
    event::guarded(
        [&] {
            places_.came(id, started.peer().ip);
            if (started.start()) refuse(started, "cannot be watched");
        },
        [&] { (void)take_out(id); });
}

std::unique_ptr<ProxyGate::Waiter> ProxyGate::take_out(std::uint64_t id) {
    auto node = waiting_.extract(id);
    if (node.empty()) return nullptr;
    places_.left(id, node.mapped()->peer().ip);
    return std::move(node.mapped());
}

void ProxyGate::turn_away(std::uint64_t id, std::string_view line) {
    const std::unique_ptr<Waiter> waiter = take_out(id);
    if (!waiter) return;
    const posix::Transfer sent = posix::send_some(waiter->socket(), line);
    if (sent.what == posix::Moved::some) needs_.metrics.bytes += sent.bytes;
    login::tell_refusal(needs_.metrics, needs_.events, {state::Refused::displaced, waiter->peer().ip});
}

void ProxyGate::close_all() {
    while (!waiting_.empty()) (void)take_out(waiting_.begin()->first);
}

void ProxyGate::passed(Waiter& waiter, const net::ProxyHeader& header) {
    // Stays alive until the octets behind the header have been processed.
    const std::unique_ptr<Waiter> kept = take_out(waiter.id());
    passed_(kept->id(), kept->take(), header, kept->behind(header.length));
}

void ProxyGate::refuse(Waiter& waiter, std::string_view why) {
    const std::unique_ptr<Waiter> kept = take_out(waiter.id());
    ++needs_.metrics.connections_refused;
    login::tell_refusal(needs_.metrics, needs_.events, {state::Refused::proxy_header, kept->peer().ip, 0, {}, {}, why});
}

} // namespace buzon::serve
