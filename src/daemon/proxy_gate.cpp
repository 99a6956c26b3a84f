#include "buzon/daemon/proxy_gate.h"

#include <algorithm>

#include "buzon/daemon/refusals.h"
#include "buzon/posix/io.h"

namespace buzon::daemon {
namespace {

using namespace std::chrono_literals;

// A front sends its header at once: this is for networks that lose packets.
constexpr auto time_for_header = 5s;

} // namespace

class ProxyGate::Waiter final : private event::Handler, private event::TimerHandler {
public:
    Waiter(ProxyGate& gate, net::Accepted accepted) : gate_{gate}, accepted_{std::move(accepted)}, timer_{*this} {}

    [[nodiscard]] std::error_code start() {
        event::EventLoop& loop = gate_.context_.loop;
        timer_.arm(loop.timers(), loop.now() + time_for_header);
        return watch_.start(loop, accepted_.socket.get(), EPOLLIN, *this);
    }

    // The socket, no longer watched.
    [[nodiscard]] net::Accepted take() {
        watch_.stop();
        return std::move(accepted_);
    }
    [[nodiscard]] const net::Endpoint& peer() const noexcept { return accepted_.peer; }
    [[nodiscard]] std::string_view behind(std::size_t header) const { return std::string_view{octets_}.substr(header); }

private:
    void on_ready(std::uint32_t) override {
        const std::span<char> room = gate_.context_.room.buffer();
        const posix::Transfer got = posix::read_some(accepted_.socket.get(), room);
        if (got.what == posix::Moved::would_block) return;
        if (got.what != posix::Moved::some) return gate_.refuse(*this, "left before its PROXY header");
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
    net::Accepted accepted_;
    event::Timer timer_;
    event::Watch watch_;
    std::string octets_; // the header so far: the parser never asks for more than longest_proxy_header
};

ProxyGate::ProxyGate(Context& context, std::vector<net::Cidr> fronts, OnPassed passed)
    : context_{context}, fronts_{std::move(fronts)}, passed_{std::move(passed)} {}

ProxyGate::~ProxyGate() = default;

bool ProxyGate::guards(const net::Ip& peer) const noexcept {
    return std::any_of(fronts_.begin(), fronts_.end(), [&](const net::Cidr& front) { return front.contains(peer); });
}

void ProxyGate::admit(net::Accepted accepted) {
    auto waiter = std::make_unique<Waiter>(*this, std::move(accepted));
    Waiter& started = *waiter;
    waiting_.emplace(&started, std::move(waiter));
    if (started.start()) refuse(started, "cannot be watched");
}

void ProxyGate::close_all() {
    waiting_.clear();
}

void ProxyGate::passed(Waiter& waiter, const net::ProxyHeader& header) {
    // It stays alive until the octets behind the header were looked at.
    const auto node = waiting_.extract(&waiter);
    passed_(waiter.take(), header, waiter.behind(header.length));
}

void ProxyGate::refuse(Waiter& waiter, std::string_view why) {
    const auto node = waiting_.extract(&waiter);
    ++context_.metrics.connections_refused;
    tell_refusal(context_.metrics, context_.events, {state::Refused::proxy_header, waiter.peer().ip, 0, {}, {}, why});
}

} // namespace buzon::daemon
