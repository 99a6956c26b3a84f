#include "buzon/tls/gate.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "buzon/event/memory.h"
#include "buzon/net/proxy_header.h"
#include "buzon/posix/io.h"
#include "relay.h"

namespace buzon::tls {
namespace {

using namespace std::chrono_literals;

constexpr auto time_for_header = 5s;

constexpr std::uint32_t both(std::uint16_t program_port, std::uint16_t own_port) noexcept {
    return std::uint32_t{program_port} << 16 | own_port;
}

} // namespace

// One client, from its handshake to its end.
class Gate::Passage final : private RelayOwner, private event::TimerHandler {
public:
    Passage(Gate& gate, Client who, event::Instant until, posix::UniqueFd socket)
        : client{who}, gate_{gate}, relay_{gate.loop_, *gate.pipes_, *this, who.id, std::move(socket)} {
        deadline_.arm(gate.loop_.timers(), until);
    }

    // Asks for a connection to the program. From now on that child counts us, so it is not ended.
    void connect(Engine& engine) {
        connecting_ = engine.connect([this](auto socket) { gate_.connected(*this, std::move(socket)); });
        program_port = engine.port();
        engine.connected(program_port);
    }
    [[nodiscard]] bool start(posix::UniqueFd socket) {
        port = relay_.start(std::move(socket));
        return port != 0;
    }
    void done() {
        handshake = false;
        deadline_.disarm();
    }
    void session_ended(std::chrono::milliseconds patience) noexcept {
        patience_ = patience;
        event::guarded([this] { wait_for_client(); }, [this] { end(); });
    }
    void end() noexcept {
        connecting_.reset();
        relay_.end();
    }
    [[nodiscard]] const Relay& relay() const noexcept { return relay_; }

    Client client;
    std::uint16_t port = 0;         // our own, of the connection to the program
    std::uint16_t program_port = 0; // of the child it is connected to; 0: it waits for one
    bool handshake = true;
    bool too_late = false;

private:
    void relay_ended(Relay&) noexcept override {
        deadline_.disarm();
        gate_.passage_ended(*this);
    }
    void on_timer(event::Timer&) override {
        if (!handshake && relay_.taken() > taken_) return wait_for_client();
        too_late = handshake;
        end();
    }
    void wait_for_client() {
        deadline_.arm(gate_.loop_.timers(), gate_.loop_.now() + patience_);
        taken_ = relay_.taken();
    }

    Gate& gate_;
    Relay relay_;
    std::unique_ptr<keeper::Request> connecting_;
    event::Timer deadline_{*this};          // of the handshake; after the session, for the client to take something
    std::chrono::milliseconds patience_{0}; // after the session
    std::int64_t taken_ = 0;                // when deadline_ was armed
};

// A connection from the program, until its PROXY header has come.
class Gate::Arrival final : private event::Handler, private event::TimerHandler {
public:
    Arrival(Gate& gate, posix::UniqueFd socket, std::uint16_t program_port)
        : gate_{gate}, socket_{std::move(socket)}, program_port_{program_port} {}

    [[nodiscard]] std::uint16_t program_port() const noexcept { return program_port_; }
    [[nodiscard]] bool start() {
        timer_.arm(gate_.loop_.timers(), gate_.loop_.now() + time_for_header);
        return !watch_.start(gate_.loop_, socket_.get(), EPOLLIN, *this);
    }

private:
    // Reads only the header: what follows comes from the client, and stays in the socket.
    void on_ready(std::uint32_t) override {
        std::array<char, 512> room{};
        ssize_t n = 0;
        do {
            n = ::recv(socket_.get(), room.data(), room.size(), MSG_PEEK);
        } while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) return gate_.forget(*this);
        net::ProxyHeader header;
        const auto parsed = net::parse_proxy_header({room.data(), static_cast<std::size_t>(n)}, header);
        if (parsed == net::ProxyParse::more) return; // it comes in one piece; otherwise the timer ends it
        if (parsed == net::ProxyParse::malformed || !header.client) return gate_.forget(*this);
        if (::recv(socket_.get(), room.data(), header.length, 0) != static_cast<ssize_t>(header.length))
            return gate_.forget(*this);
        watch_.stop();
        gate_.named(*this, *header.client, std::move(socket_));
    }
    void on_timer(event::Timer&) override { gate_.forget(*this); }

    Gate& gate_;
    posix::UniqueFd socket_;
    std::uint16_t program_port_; // of the child that it comes from
    event::Timer timer_{*this};
    event::Watch watch_;
};

// Destroys in the next turn what has ended in this one.
class Gate::Sweeper final : public event::Task {
public:
    explicit Sweeper(Gate& gate) : gate_{gate} {}
    std::vector<std::uint64_t> ended;
    std::vector<std::unique_ptr<Arrival>> arrived;

private:
    void run() override {
        arrived.clear();
        gate_.sweep();
    }
    Gate& gate_;
};

Gate::Gate(event::EventLoop& loop, keeper::Sockets& sockets, keeper::Starter& starter, GateEvents& events)
    : loop_{loop}
    , sockets_{sockets}
    , starter_{starter}
    , events_{events}
    , pipes_{std::make_unique<PipeRoom>()}
    , sweeper_{std::make_unique<Sweeper>(*this)} {}

Gate::~Gate() = default;

std::error_code Gate::begin(const Use& use) {
    auto opened = net::Listener::open(loop_, sockets_, net::UnixPath{use.back});
    if (!opened) return opened.error();
    back_ = std::move(opened).value();
    if (const std::error_code why = back_->begin([this](net::Accepted accepted) { came_back(std::move(accepted)); }))
        return why;
    engine_.reset(new Engine(loop_, sockets_, starter_, use, *this));
    engine_->begin();
    return {};
}

void Gate::renew(const Use& use) {
    if (engine_) engine_->renew(use);
}

std::size_t Gate::size() const noexcept {
    return passages_.size() - sweeper_->ended.size();
}

std::size_t Gate::pipes() const noexcept {
    return pipes_->in_use();
}

int Gate::socket_of(std::uint64_t id) const noexcept {
    const auto found = passages_.find(id);
    return found == passages_.end() ? -1 : found->second->relay().client_socket();
}

void Gate::admit(const Client& client, event::Instant until, posix::UniqueFd socket) {
    // Removing it must not allocate memory.
    if (sweeper_->ended.capacity() <= passages_.size()) sweeper_->ended.reserve(2 * passages_.size() + 64);
    Passage& passage =
        *passages_.emplace(client.id, std::make_unique<Passage>(*this, client, until, std::move(socket))).first->second;
    ++handshakes_;
    if (works()) passage.connect(*engine_);
}

void Gate::connected(Passage& passage, posix::Result<posix::UniqueFd> socket) {
    if (!socket || !passage.start(std::move(socket).value())) return passage.end();
    by_ports_[both(passage.program_port, passage.port)] = passage.client.id;
}

void Gate::engine_works(bool works) {
    if (works) {
        for (const auto& [id, passage] : passages_)
            if (passage->program_port == 0 && !passage->relay().ended()) passage->connect(*engine_);
    }
    events_.tls_works(works);
}

void Gate::came_back(net::Accepted accepted) {
    ucred peer{};
    socklen_t length = sizeof peer;
    if (::getsockopt(accepted.socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return;
    const std::uint16_t program_port = engine_->port_of(peer.pid);
    if (program_port == 0) return; // a different program of our user
    auto arrival = std::make_unique<Arrival>(*this, std::move(accepted.socket), program_port);
    if (arrival->start()) arrivals_.push_back(std::move(arrival));
}

// Anybody on this machine can connect to the program, from another loopback address even with the same port as ours.
void Gate::named(Arrival& arrival, const net::Endpoint& relay, posix::UniqueFd socket) {
    const std::uint16_t program_port = arrival.program_port();
    forget(arrival);
    if (relay.ip != net::Ip::from_v4(INADDR_LOOPBACK)) return;
    const auto found = by_ports_.find(both(program_port, relay.port));
    if (found == by_ports_.end()) return;
    const auto waits = passages_.find(found->second);
    by_ports_.erase(found);
    if (waits == passages_.end() || waits->second->relay().ended()) return;
    Passage& passage = *waits->second;
    const std::string certificate = engine_->certificate_behind(program_port); // first, as it may throw
    passage.done();
    --handshakes_;
    event::guarded([&] { events_.encrypted(passage.client, std::move(socket), certificate); },
                   [&] {
                       passage.end();
                       throw std::bad_alloc{};
                   });
}

void Gate::forget(Arrival& arrival) {
    const auto found =
        std::find_if(arrivals_.begin(), arrivals_.end(), [&](const auto& one) { return one.get() == &arrival; });
    if (found == arrivals_.end()) return;
    sweeper_->arrived.push_back(std::move(*found));
    arrivals_.erase(found);
    loop_.next_turn(*sweeper_);
}

std::optional<Client> Gate::turn_away(std::uint64_t id) {
    const auto found = passages_.find(id);
    if (found == passages_.end() || !found->second->handshake) return std::nullopt;
    found->second->end();
    return found->second->client;
}

void Gate::end_handshakes() {
    for (const auto& [id, passage] : passages_)
        if (passage->handshake) passage->end();
}

void Gate::session_ended(std::uint64_t id, std::chrono::milliseconds patience) noexcept {
    const auto found = passages_.find(id);
    if (found == passages_.end() || found->second->handshake || found->second->relay().ended()) return;
    found->second->session_ended(patience);
}

void Gate::passage_ended(Passage& passage) noexcept {
    if (passage.program_port != 0) {
        engine_->disconnected(passage.program_port);
        const auto waits = by_ports_.find(both(passage.program_port, passage.port));
        if (waits != by_ports_.end() && waits->second == passage.client.id) by_ports_.erase(waits);
    }
    sweeper_->ended.push_back(passage.client.id);
    loop_.next_turn(*sweeper_);
    if (!passage.handshake) return;
    --handshakes_;
    passage.handshake = false;
    events_.not_encrypted(passage.client, passage.too_late);
}

void Gate::sweep() {
    for (const std::uint64_t id : sweeper_->ended) passages_.erase(id);
    sweeper_->ended.clear();
    if (passages_.empty()) events_.last_relay_ended();
}

} // namespace buzon::tls
