#include "buzon/admin/manage_service.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "buzon/login/users.h"
#include "buzon/posix/io.h"
#include "buzon/posix/jail_mark.h"

namespace buzon::admin {
namespace {

constexpr int tries_for_a_common_port = 50;
constexpr std::string_view too_many = "-ERR too many management connections, try again later\r\n";

// The peer of a unix socket; nothing for a program in a jail, which must not connect here.
std::optional<ucred> peer_of(int unix_socket) {
    ucred peer{};
    socklen_t length = sizeof peer;
    if (::getsockopt(unix_socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return std::nullopt;
    return posix::bears_jail_mark(peer.pid) ? std::nullopt : std::optional{peer};
}

// Root and the server's own user need no password on a unix socket.
bool is_trusted(const ucred& peer) {
    return peer.uid == 0 || peer.uid == ::geteuid();
}

void set_port(net::ListenAddress& address, std::uint16_t port) {
    if (auto* endpoint = std::get_if<net::Endpoint>(&address)) endpoint->port = port;
}

} // namespace

ManageService::ManageService(ManagerNeeds needs, state::Metrics& metrics) : needs_{needs}, metrics_{metrics} {}

// A connection that still waits for its action would call retire() while it is being destroyed.
ManageService::~ManageService() {
    stop();
}

std::error_code ManageService::open(const std::vector<Where>& where, std::string& failed) {
    for (int i = 0;; ++i) {
        const std::error_code why = open_once(where, failed);
        // The port that is free on the first address may be in use on the second.
        const auto* first = where.empty() ? nullptr : std::get_if<net::Endpoint>(&where.front().address);
        const bool any_port = first && first->port == 0;
        if (!why || !any_port || why.value() != EADDRINUSE || i == tries_for_a_common_port) return why;
    }
}

std::error_code ManageService::open_once(const std::vector<Where>& where, std::string& failed) {
    listeners_.clear();
    port_ = 0;
    for (const Where& one : where) {
        net::ListenAddress address = one.address;
        if (port_ != 0) set_port(address, port_);
        auto opened = net::Listener::open(needs_.loop, needs_.sockets, address);
        if (!opened) {
            const int code = opened.error().value();
            if (one.optional && (code == EADDRNOTAVAIL || code == EAFNOSUPPORT)) continue;
            failed = one.name;
            return opened.error();
        }
        listeners_.push_back(std::move(opened).value());
        if (port_ == 0) port_ = listeners_.back()->port();
    }
    return {};
}

std::error_code ManageService::adopt(std::vector<posix::UniqueFd> sockets) {
    for (posix::UniqueFd& socket : sockets) {
        auto listener = net::Listener::adopt(needs_.loop, std::move(socket));
        if (!listener) return listener.error();
        if (port_ == 0) port_ = listener.value()->port();
        listeners_.push_back(std::move(listener).value());
    }
    return {};
}

bool ManageService::beyond_loopback() const noexcept {
    return std::any_of(listeners_.begin(), listeners_.end(),
                       [](const auto& one) { return !one->is_unix() && !one->bound().ip.is_loopback(); });
}

std::error_code ManageService::begin() {
    for (const auto& listener : listeners_) {
        if (const std::error_code why = listener->begin([this](net::Accepted a) { accept(std::move(a)); })) return why;
    }
    return {};
}

void ManageService::stop() {
    listeners_.clear();
    for (const auto& [id, connection] : connections_) connection->stop();
}

void ManageService::settings_changed() {
    for (const auto& [id, connection] : connections_) connection->settings_changed();
}

// Peers without a password must not keep administrators out. As with POP3, the one that has been connected longest is
// closed.
bool ManageService::make_room() {
    if (connections_.size() - leaving_.size() < needs_.settings.max_managers) return true;
    ManageConnection* first = nullptr;
    for (const auto& [id, connection] : connections_)
        if (connection->is_stranger() && (!first || id < first->id())) first = connection.get();
    if (first) first->stop(too_many);
    return first != nullptr;
}

void ManageService::accept(net::Accepted accepted) {
    const std::optional<ucred> peer = accepted.over_unix ? peer_of(accepted.socket.get()) : std::nullopt;
    if (accepted.over_unix && !peer) return;
    if (!make_room()) {
        (void)posix::send_some(accepted.socket.get(), too_many);
        return;
    }
    const std::uint64_t id = next_id_++;
    const bool trusted = peer && is_trusted(*peer);
    std::optional<auth::Source> from;
    if (!accepted.over_unix) from = login::source_of(accepted.peer.ip);
    std::string name = accepted.over_unix ? "unix" : accepted.peer.text();
    auto connection = std::make_unique<ManageConnection>(
        needs_, *this, manage::Session::Peer{std::move(name), trusted, id}, std::move(accepted.socket), from);
    ManageConnection& started = *connection;
    leaving_.reserve(connections_.size() + 1); // removing it must not allocate memory
    connections_.emplace(id, std::move(connection));
    ++metrics_.managers_open;
    started.start();
}

void ManageService::retire(ManageConnection& connection) noexcept {
    leaving_.push_back(connection.id());
    needs_.loop.next_turn(*this);
}

void ManageService::run() {
    for (; !leaving_.empty(); leaving_.pop_back()) {
        if (connections_.erase(leaving_.back()) > 0) --metrics_.managers_open;
    }
}

} // namespace buzon::admin
