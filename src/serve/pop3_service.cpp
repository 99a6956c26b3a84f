#include "buzon/serve/pop3_service.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "buzon/event/memory.h"
#include "buzon/login/locks.h"
#include "buzon/login/refusals.h"
#include "buzon/posix/io.h"

namespace buzon::serve {
namespace {

constexpr int max_displaced = 64; // for one newcomer; more than one only after max-connections was reduced
constexpr std::string_view no_room = "-ERR [SYS/TEMP] too many connections, try again later\r\n";
constexpr std::string_view no_room_for_you =
    "-ERR [SYS/TEMP] too many connections from your address, try again later\r\n";

} // namespace

Pop3Service::Pop3Service(const Pop3Needs& needs, std::size_t connection_limit, std::vector<net::Cidr> proxy_from)
    : needs_{needs}
    , connection_limit_{connection_limit}
    , gate_{{needs.loop, needs.room, needs.metrics, needs.events},
            places_,
            std::move(proxy_from),
            [this](std::uint64_t id, net::Accepted accepted, const auto& header, bool tls) {
                named_by_front(id, std::move(accepted), header, tls);
            }} {
    needs_.login.locks.ask(this);
}

Pop3Service::~Pop3Service() {
    needs_.login.locks.ask(nullptr);
    for (auto& [id, connection] : connections_) connection.stop(Ending::stopping);
}

std::error_code Pop3Service::open(const std::vector<net::Ip>& addresses, std::uint16_t port, std::string& failed) {
    Binding::Result bound = bind_now(addresses, port);
    failed = std::move(bound.failed);
    listeners_ = std::move(bound.listeners);
    addresses_ = addresses;
    return bound.why;
}

Binding::Result Pop3Service::bind_now(const std::vector<net::Ip>& addresses, std::uint16_t port) {
    Binding::Result bound;
    Binding binding{needs_.loop, needs_.sockets, addresses,
                    port,        false,          [&](auto result) {
                        bound = std::move(result); }};
    binding.wait();
    return bound;
}

std::error_code Pop3Service::adopt(std::vector<posix::UniqueFd> sockets) {
    for (posix::UniqueFd& socket : sockets) {
        auto listener = net::Listener::adopt(needs_.loop, std::move(socket));
        if (!listener) return listener.error();
        const net::Ip& ip = listener.value()->bound().ip;
        if (!ip.is_any() || !listener.value()->serves_v4()) addresses_.push_back(ip);
        listeners_.push_back(std::move(listener).value());
    }
    return {};
}

Pop3Service::Moving::Moving(Pop3Service& service, std::vector<net::Ip> addresses, std::uint16_t port, OnMoved then)
    : service_{service}
    , addresses_{std::move(addresses)}
    , port_{port} // Only another address on our own port can overlap. The kernel records such a pair for the port, and
                  // then admits other sockets of our user that ask for it, so do not ask without need.
    , beside_{port == service.port()}
    , then_{std::move(then)} {}

Pop3Service::Moving::~Moving() {
    if (then_) end();
}

void Pop3Service::Moving::begin() {
    service_.moving_ = this;
    allow_beside(true);
    binding_.emplace(service_.needs_.loop, service_.needs_.sockets, addresses_, port_, beside_,
                     [this](Binding::Result bound) { done(std::move(bound)); });
}

void Pop3Service::Moving::allow_beside(bool allowed) noexcept {
    if (!beside_) return;
    for (const auto& listener : service_.listeners_) listener->allow_beside(allowed);
}

void Pop3Service::Moving::end() noexcept {
    allow_beside(false);
    service_.moving_ = nullptr;
}

void Pop3Service::Moving::done(Binding::Result bound) {
    end();
    const OnMoved then = std::exchange(then_, nullptr);
    if (!bound.why) bound.why = service_.use(std::move(bound.listeners), std::move(addresses_));
    then(bound.why, bound.failed); // it may destroy us
}

std::unique_ptr<Pop3Service::Moving> Pop3Service::move_to(std::vector<net::Ip> addresses, std::uint16_t port,
                                                          OnMoved then) {
    if (moving_) return nullptr;
    auto moving = std::make_unique<Moving>(*this, std::move(addresses), port, std::move(then));
    moving->begin();
    return moving;
}

std::error_code Pop3Service::use(Listeners fresh, std::vector<net::Ip> addresses) {
    if (!accepting_) return std::make_error_code(std::errc::operation_canceled); // the server is shutting down
    for (const auto& listener : fresh)
        if (const std::error_code why = listener->begin([this](net::Accepted a) { accept(std::move(a)); })) return why;
    for (const auto& listener : listeners_) listener->accept_rest();
    listeners_ = std::move(fresh);
    addresses_ = std::move(addresses);
    return {};
}

std::error_code Pop3Service::begin() {
    accepting_ = true;
    for (const auto& listener : tls_listeners_) {
        if (const std::error_code why = listener->begin([this](net::Accepted a) { accept_tls(std::move(a)); }))
            return why;
    }
    for (const auto& listener : listeners_) {
        if (const std::error_code why = listener->begin([this](net::Accepted a) { accept(std::move(a)); })) return why;
    }
    return {};
}

std::uint16_t Pop3Service::port() const noexcept {
    return listeners_.empty() || farewell_.armed() ? std::uint16_t{0} : listeners_.front()->port();
}

std::string Pop3Service::address_text() const {
    if (addresses_.empty()) return serves_v6() ? "::" : "0.0.0.0";
    std::string text;
    for (const net::Ip& ip : addresses_) text += (text.empty() ? "" : ",") + ip.text();
    return text;
}

bool Pop3Service::serves_v4() const noexcept {
    return std::any_of(listeners_.begin(), listeners_.end(), [](const auto& l) { return l->serves_v4(); });
}

bool Pop3Service::serves_v6() const noexcept {
    return std::any_of(listeners_.begin(), listeners_.end(), [](const auto& l) { return l->serves_v6(); });
}

// --- connections ---

void Pop3Service::accept(net::Accepted accepted) {
    ++needs_.metrics.connections;
    const net::Ip ip = accepted.peer.ip;
    if (gate_.guards(ip)) {
        if (!make_room()) return refuse(accepted.socket.get(), ip, state::Refused::max_connections);
        return gate_.admit(next_id_++, std::move(accepted), false);
    }
    const auto place = ip.is_loopback() ? login::ClientInfo::Place::local : login::ClientInfo::Place::network;
    admit(next_id_++, std::move(accepted.socket), {accepted.peer, ip.is_loopback(), place});
}

void Pop3Service::named_by_front(std::uint64_t id, net::Accepted accepted, const net::ProxyHeader& header,
                                 bool tls_port) {
    if (tls_port)
        return shake_hands({id, header.client.value_or(accepted.peer), false, needs_.loop.now()},
                           std::move(accepted.socket));
    // Anybody may be able to read the traffic between a client and its front end, wherever the front end is, unless the
    // header or the settings say TLS.
    const bool tls = header.tls || needs_.settings.proxy_tls;
    using Place = login::ClientInfo::Place;
    if (header.client) return admit(id, std::move(accepted.socket), {*header.client, tls, Place::network, tls});
    const bool loopback = accepted.peer.ip.is_loopback();
    const auto place = loopback ? login::ClientInfo::Place::local : login::ClientInfo::Place::behind_front;
    admit(id, std::move(accepted.socket), {accepted.peer, tls || loopback, place, tls});
}

void Pop3Service::admit(std::uint64_t id, posix::UniqueFd socket, const login::ClientInfo& client) {
    if (Pop3Connection* const started = add(id, std::move(socket), client)) started->start();
}

Pop3Connection* Pop3Service::add(std::uint64_t id, posix::UniqueFd socket, const login::ClientInfo& client) {
    if (const auto why = refusal_for(client.address.ip)) {
        refuse(socket.get(), client.address.ip, *why);
        return nullptr;
    }
    // Removing it must not allocate memory.
    if (leaving_.capacity() <= connections_.size()) leaving_.reserve(2 * connections_.size() + 64);
    Pop3Connection& started = connections_.try_emplace(id, needs_, *this, id, std::move(socket), client).first->second;
    bool counted = false;
    event::guarded(
        [&] {
            places_.came(id, client.address.ip);
            ++per_ip_[client.address.ip];
            counted = true;
        },
        [&] {
            places_.left(id, client.address.ip);
            connections_.erase(id);
        });
    if (!counted) throw std::bad_alloc{};
    ++needs_.metrics.connections_open;
    return &started;
}

void Pop3Service::refuse(int socket, const net::Ip& ip, state::Refused why) {
    ++needs_.metrics.connections_refused;
    const posix::Transfer sent =
        posix::send_some(socket, why == state::Refused::max_per_ip ? no_room_for_you : no_room);
    if (sent.what == posix::Moved::some) needs_.metrics.bytes += sent.bytes;
    login::tell_refusal(needs_.metrics, needs_.events, {why, ip});
}

bool Pop3Service::has_room(std::size_t newcomers) const noexcept {
    const std::size_t handshakes = tls_ ? tls_->handshakes() : 0;
    const std::size_t clients = connections_.size() - leaving_.size() + gate_.waiting() + handshakes + newcomers;
    // A TLS connection needs two more descriptors, those to and from the program, and two for each pipe.
    const std::size_t more = tls_ ? 2 * (tls_->size() + tls_->pipes()) : 0;
    const std::uint64_t wanted = needs_.settings.max_connections;
    return clients + more <= connection_limit_ && (wanted == 0 || clients <= wanted);
}

// Whether there is room for this many newcomers, after displacing other connections if necessary.
bool Pop3Service::make_room(std::size_t newcomers) {
    for (int displaced = 0; !has_room(newcomers) && displaced < max_displaced; ++displaced) {
        const std::optional<std::uint64_t> id = places_.next_to_go();
        if (!id) return false;
        ++needs_.metrics.connections_refused;
        // Look for a handshake first: until the next turn, the connection that it came from by STLS still exists, with
        // the same id.
        if (const auto client = tls_ ? tls_->turn_away(*id) : std::nullopt) {
            login::tell_refusal(needs_.metrics, needs_.events,
                                {state::Refused::displaced, client->address.ip, client->id});
            continue;
        }
        if (const auto found = connections_.find(*id); found != connections_.end())
            found->second.turn_away(no_room);
        else
            gate_.turn_away(*id, no_room);
    }
    return has_room(newcomers);
}

std::optional<state::Refused> Pop3Service::refusal_for(const net::Ip& ip) {
    const std::uint64_t limit = needs_.settings.max_per_ip;
    const auto found = limit == 0 ? per_ip_.end() : per_ip_.find(ip);
    if (found != per_ip_.end() && found->second >= limit) return state::Refused::max_per_ip;
    if (!make_room()) return state::Refused::max_connections;
    return std::nullopt;
}

void Pop3Service::retire(Pop3Connection& connection) noexcept {
    places_.left(connection.id(), connection.address().ip);
    leaving_.push_back(connection.id());
    needs_.loop.next_turn(*this);
    end_session(connection.id());
}

void Pop3Service::user_came(Pop3Connection& connection) {
    places_.left(connection.id(), connection.address().ip);
    ++needs_.metrics.historic;
    ++per_user_[connection.user()];
    needs_.metrics.online = per_user_.size();
}

void Pop3Service::user_left(Pop3Connection& connection) noexcept {
    const auto found = per_user_.find(connection.user());
    if (found != per_user_.end() && --found->second == 0) per_user_.erase(found);
    needs_.metrics.online = per_user_.size();
}

std::size_t Pop3Service::sessions_of(const std::string& user) const {
    const auto found = per_user_.find(user);
    return found == per_user_.end() ? 0 : found->second;
}

bool Pop3Service::give_way(std::uint64_t session) {
    const auto found = connections_.find(session);
    return found != connections_.end() && found->second.give_way();
}

void Pop3Service::run() {
    while (!leaving_.empty()) {
        const std::uint64_t id = leaving_.back();
        leaving_.pop_back();
        const auto found = connections_.find(id);
        if (found == connections_.end()) continue;
        const auto from = per_ip_.find(found->second.address().ip);
        if (from != per_ip_.end() && --from->second == 0) per_ip_.erase(from);
        connections_.erase(found);
        --needs_.metrics.connections_open;
    }
    report_when_empty();
}

std::vector<std::uint64_t> Pop3Service::ids() const {
    std::vector<std::uint64_t> ids;
    ids.reserve(connections_.size());
    for (const auto& [id, connection] : connections_) ids.push_back(id);
    std::sort(ids.begin(), ids.end());
    return ids;
}

const Pop3Connection* Pop3Service::find(std::uint64_t id) const {
    const auto found = connections_.find(id);
    return found == connections_.end() ? nullptr : &found->second;
}

std::size_t Pop3Service::kick(std::uint64_t id) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return 0;
    found->second.stop(Ending::kicked);
    ++needs_.metrics.kicks;
    return 1;
}

std::size_t Pop3Service::kick_user(std::string_view user) {
    std::size_t count = 0;
    for (auto& [id, connection] : connections_) {
        if (!connection.logged_in() || connection.user() != user) continue;
        connection.stop(Ending::kicked);
        ++needs_.metrics.kicks;
        ++count;
    }
    return count;
}

void Pop3Service::settings_changed() {
    for (auto& [id, connection] : connections_) connection.settings_changed();
}

} // namespace buzon::serve
