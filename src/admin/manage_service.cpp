#include "buzon/admin/manage_service.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "buzon/login/users.h"
#include "buzon/posix/io.h"

namespace buzon::admin {
namespace {

constexpr int tries_for_a_common_port = 50;

// Root and the server's own user need no password on a unix socket.
bool is_trusted(int unix_socket) {
    ucred peer{};
    socklen_t length = sizeof peer;
    if (::getsockopt(unix_socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
    return peer.uid == 0 || peer.uid == ::geteuid();
}

void set_port(net::ListenAddress& address, std::uint16_t port) {
    if (auto* endpoint = std::get_if<net::Endpoint>(&address)) endpoint->port = port;
}

} // namespace

ManageService::ManageService(ManagerNeeds needs, state::Metrics& metrics) : needs_{needs}, metrics_{metrics} {}

ManageService::~ManageService() = default;

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
        auto opened = net::Listener::open(needs_.loop, address);
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

void ManageService::accept(net::Accepted accepted) {
    if (connections_.size() - leaving_.size() >= needs_.settings.max_managers) {
        (void)posix::send_some(accepted.socket.get(), "-ERR too many management connections, try again later\r\n");
        return;
    }
    const std::uint64_t id = next_id_++;
    const bool trusted = accepted.over_unix && is_trusted(accepted.socket.get());
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
