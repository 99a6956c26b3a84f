#include "buzon/serve/proxy_gate.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

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
    Waiter(ProxyGate& gate, std::uint64_t id, net::Accepted accepted, bool tls)
        : gate_{gate}, id_{id}, accepted_{std::move(accepted)}, tls_{tls}, timer_{*this} {}

    [[nodiscard]] std::error_code start() {
        event::EventLoop& loop = gate_.needs_.loop;
        timer_.arm(loop.timers(), loop.now() + time_for_header);
        // Edge-triggered, since half a header stays in the socket and would be reported again and again.
        return watch_.start(loop, accepted_.socket.get(), EPOLLIN | EPOLLRDHUP | EPOLLET, *this);
    }

    // Returns the socket, no longer watched.
    [[nodiscard]] net::Accepted take() {
        watch_.stop();
        return std::move(accepted_);
    }
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    [[nodiscard]] int socket() const noexcept { return accepted_.socket.get(); }
    [[nodiscard]] const net::Endpoint& peer() const noexcept { return accepted_.peer; }
    [[nodiscard]] bool tls() const noexcept { return tls_; }

private:
    // Reads the header and no more: what follows is the client's, or the beginning of a handshake.
    void on_ready(std::uint32_t events) override {
        const std::span<char> room = gate_.needs_.room.buffer();
        const ssize_t n = receive(room, MSG_PEEK);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) return gate_.refuse(*this, "disconnected before its PROXY header");
        net::ProxyHeader header;
        switch (net::parse_proxy_header({room.data(), static_cast<std::size_t>(n)}, header)) {
        case net::ProxyParse::more:
            if ((events & EPOLLRDHUP) != 0) gate_.refuse(*this, "disconnected before its PROXY header");
            return;
        case net::ProxyParse::malformed: return gate_.refuse(*this, "no valid PROXY header");
        case net::ProxyParse::complete: (void)receive(room.first(header.length), 0); return gate_.passed(*this, header);
        }
    }
    [[nodiscard]] ssize_t receive(std::span<char> into, int flags) const {
        ssize_t n = 0;
        do {
            n = ::recv(accepted_.socket.get(), into.data(), into.size(), flags);
        } while (n < 0 && errno == EINTR);
        return n;
    }
    void on_timer(event::Timer&) override { gate_.refuse(*this, "no PROXY header in time"); }

    ProxyGate& gate_;
    std::uint64_t id_;
    net::Accepted accepted_;
    bool tls_;
    event::Timer timer_;
    event::Watch watch_;
};

ProxyGate::ProxyGate(GateNeeds needs, Places& places, std::vector<net::Cidr> fronts, OnPassed passed)
    : needs_{needs}, places_{places}, fronts_{std::move(fronts)}, passed_{std::move(passed)} {}

ProxyGate::~ProxyGate() = default;

bool ProxyGate::guards(const net::Ip& peer) const noexcept {
    return std::any_of(fronts_.begin(), fronts_.end(), [&](const net::Cidr& front) { return front.contains(peer); });
}

void ProxyGate::admit(std::uint64_t id, net::Accepted accepted, bool tls) {
    Waiter& started =
        *waiting_.emplace(id, std::make_unique<Waiter>(*this, id, std::move(accepted), tls)).first->second;
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
    if (when_empty_ && waiting_.empty()) needs_.loop.next_turn(*when_empty_);
    return std::move(node.mapped());
}

void ProxyGate::turn_away(std::uint64_t id, std::string_view line) {
    const std::unique_ptr<Waiter> waiter = take_out(id);
    if (!waiter) return;
    if (!waiter->tls()) { // with TLS, no reply can be sent before the handshake
        const posix::Transfer sent = posix::send_some(waiter->socket(), line);
        if (sent.what == posix::Moved::some) needs_.metrics.bytes += sent.bytes;
    }
    login::tell_refusal(needs_.metrics, needs_.events, {state::Refused::displaced, waiter->peer().ip});
}

void ProxyGate::close_all() {
    while (!waiting_.empty()) (void)take_out(waiting_.begin()->first);
}

void ProxyGate::passed(Waiter& waiter, const net::ProxyHeader& header) {
    const std::unique_ptr<Waiter> kept = take_out(waiter.id());
    passed_(kept->id(), kept->take(), header, kept->tls());
}

void ProxyGate::refuse(Waiter& waiter, std::string_view why) {
    const std::unique_ptr<Waiter> kept = take_out(waiter.id());
    ++needs_.metrics.connections_refused;
    login::tell_refusal(needs_.metrics, needs_.events, {state::Refused::proxy_header, kept->peer().ip, 0, {}, {}, why});
}

} // namespace buzon::serve
