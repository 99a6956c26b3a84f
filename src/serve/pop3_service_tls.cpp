// serve/pop3_service_tls.cpp - clients of the POP3 service that use TLS, from the beginning or by STLS.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <new>

#include "buzon/digest/hex.h"
#include "buzon/event/memory.h"
#include "buzon/login/refusals.h"
#include "buzon/serve/pop3_service.h"

namespace buzon::serve {
namespace {

using namespace std::chrono_literals;

// A client that takes nothing for this long does not get the rest of what it was sent.
constexpr std::chrono::seconds time_for_rest = 60s;

} // namespace

std::error_code Pop3Service::open_tls(TlsPlan plan, std::string& failed) {
    if (!plan.sockets.empty()) {
        failed = "socket tls of the service manager";
        for (posix::UniqueFd& socket : plan.sockets) {
            auto listener = net::Listener::adopt(needs_.loop, std::move(socket));
            if (!listener) return listener.error();
            tls_listeners_.push_back(std::move(listener).value());
        }
    } else {
        Binding::Result bound = bind_now(plan.addresses, plan.port);
        failed = std::move(bound.failed);
        if (bound.why) return bound.why;
        tls_listeners_ = std::move(bound.listeners);
    }
    on_tls_change_ = std::move(plan.on_change);
    tls_.reset(new tls::Gate(needs_.loop, needs_.sockets, plan.starter, *this));
    failed = plan.use.back;
    return tls_->begin(plan.use);
}

void Pop3Service::renew_tls(const tls::Use& use) {
    if (tls_) tls_->renew(use);
}

std::vector<std::string> Pop3Service::tls_addresses() const {
    std::vector<std::string> texts;
    for (const auto& listener : tls_listeners_) texts.push_back(listener->bound().text());
    return texts;
}

void Pop3Service::accept_tls(net::Accepted accepted) {
    ++needs_.metrics.connections;
    const tls::Client client{next_id_++, accepted.peer, false, needs_.loop.now()};
    if (!gate_.guards(client.address.ip)) return shake_hands(client, std::move(accepted.socket));
    if (make_room()) return gate_.admit(client.id, std::move(accepted), true);
    refuse_unheard(client.address.ip, state::Refused::max_connections);
}

void Pop3Service::shake_hands(const tls::Client& client, posix::UniqueFd socket) {
    if (const auto why = refusal_for(client.address.ip)) return refuse_unheard(client.address.ip, *why);
    begin_handshake(client, std::move(socket));
}

// No reply can be sent before the handshake.
void Pop3Service::refuse_unheard(const net::Ip& ip, state::Refused why) {
    ++needs_.metrics.connections_refused;
    login::tell_refusal(needs_.metrics, needs_.events, {why, ip});
}

void Pop3Service::tls_begins(Pop3Connection& connection, posix::UniqueFd socket) {
    begin_handshake({connection.id(), connection.address(), true, connection.began()}, std::move(socket));
}

void Pop3Service::begin_handshake(const tls::Client& client, posix::UniqueFd socket) {
    bool counted = false;
    bool begun = false;
    event::guarded(
        [&] {
            places_.came(client.id, client.address.ip);
            ++per_ip_[client.address.ip];
            counted = true;
            tls_->admit(client, client.began + needs_.settings.login_timeout, std::move(socket));
            begun = true;
        },
        [&] {
            if (tls_->turn_away(client.id)) return; // which calls not_encrypted()
            counted ? end_handshake(client) : places_.left(client.id, client.address.ip);
        });
    if (!begun) throw std::bad_alloc{};
    // It has its place in the table, but needs more descriptors than a connection without TLS.
    static_cast<void>(make_room(0));
}

void Pop3Service::end_handshake(const tls::Client& client) noexcept {
    places_.left(client.id, client.address.ip);
    const auto from = per_ip_.find(client.address.ip);
    if (from != per_ip_.end() && --from->second == 0) per_ip_.erase(from);
}

// Through TLS, the client may have more to take than its session's socket held.
void Pop3Service::end_session(std::uint64_t id) noexcept {
    if (tls_) tls_->session_ended(id, std::min(needs_.settings.timeout, time_for_rest));
}

void Pop3Service::encrypted(const tls::Client& client, posix::UniqueFd socket, const std::string& certificate) {
    end_handshake(client);
    std::string hash = digest::decode_hex(certificate).value_or(std::string{}); // first, as it may throw
    using Place = login::ClientInfo::Place;
    const Place place = client.address.ip.is_loopback() ? Place::local : Place::network;
    Pop3Connection* const started = add(client.id, std::move(socket), {client.address, true, place, true});
    if (!started) return end_session(client.id);
    started->came_through_tls(client.began, client.greeted, std::move(hash));
    started->start();
}

void Pop3Service::not_encrypted(const tls::Client& client, bool too_late) noexcept {
    end_handshake(client);
    if (!too_late) return;
    ++needs_.metrics.autologouts;
    event::guarded(
        [&] {
            login::tell_refusal(needs_.metrics, needs_.events,
                                {state::Refused::login_timeout, client.address.ip, client.id});
        },
        [] {});
}

void Pop3Service::tls_works(bool works) {
    if (on_tls_change_) on_tls_change_(works);
}

void Pop3Service::tls_says(bool error, const std::string& text) {
    needs_.events.log(error ? state::Level::error : state::Level::notice, std::chrono::system_clock::now(),
                      "TLS: " + text);
}

int Pop3Service::wire_of(const Pop3Connection& connection) const noexcept {
    const int outside = tls_ ? tls_->socket_of(connection.id()) : -1;
    return outside >= 0 ? outside : connection.socket();
}

} // namespace buzon::serve
