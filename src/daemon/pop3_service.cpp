#include "buzon/daemon/pop3_service.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "buzon/posix/io.h"

namespace buzon::daemon {
namespace {

constexpr int tries_for_a_common_port = 50;

std::string key_of(const net::Ip& ip) {
    return {ip.bytes().begin(), ip.bytes().end()};
}

} // namespace

Pop3Service::Pop3Service(Context& context, std::size_t most_connections)
    : context_{context}, most_connections_{most_connections} {}

Pop3Service::~Pop3Service() {
    for (auto& [id, connection] : connections_) connection->stop(Ending::stopping, false);
}

std::error_code Pop3Service::open(std::vector<net::Ip> addresses, std::uint16_t port, std::string& failed) {
    for (const auto& listener : listeners_) listener->allow_beside(true);
    auto opened = bind_all(addresses, port, failed);
    for (const auto& listener : listeners_) listener->allow_beside(false);
    if (!opened) return opened.error();
    Listeners fresh = std::move(opened).value();
    if (accepting_) {
        for (const auto& listener : fresh) {
            if (const std::error_code why = listener->begin([this](net::Accepted a) { accept(std::move(a)); })) return why;
        }
        for (const auto& listener : listeners_) listener->accept_rest();
    }
    listeners_ = std::move(fresh);
    addresses_ = std::move(addresses);
    return {};
}

posix::Result<Pop3Service::Listeners> Pop3Service::bind_all(const std::vector<net::Ip>& addresses, std::uint16_t port,
                                                            std::string& failed) {
    // The port that is free on the first address may be taken on the second: then another one is tried.
    for (int i = 0;; ++i) {
        auto bound = bind_once(addresses, port, failed);
        if (bound || port != 0 || bound.error().value() != EADDRINUSE || i == tries_for_a_common_port) return bound;
    }
}

posix::Result<Pop3Service::Listeners> Pop3Service::bind_once(const std::vector<net::Ip>& addresses, std::uint16_t port,
                                                             std::string& failed) {
    Listeners listeners;
    const bool beside = !listeners_.empty();
    const auto bind_one = [&](const net::ListenAddress& where, const std::string& name) -> std::error_code {
        auto opened = net::Listener::open(context_.loop, where, beside);
        if (!opened) {
            failed = name;
            return opened.error();
        }
        listeners.push_back(std::move(opened).value());
        port = listeners.front()->port();
        return {};
    };
    if (addresses.empty()) {
        if (const std::error_code why = bind_one(net::EveryAddress{port}, "port " + std::to_string(port))) return why;
    }
    for (const net::Ip& ip : addresses) {
        const net::Endpoint endpoint{ip, port, 0};
        if (const std::error_code why = bind_one(endpoint, endpoint.text())) return why;
    }
    return listeners;
}

std::error_code Pop3Service::begin() {
    accepting_ = true;
    for (const auto& listener : listeners_) {
        if (const std::error_code why = listener->begin([this](net::Accepted a) { accept(std::move(a)); })) return why;
    }
    return {};
}

void Pop3Service::stop_accepting() {
    accepting_ = false;
    listeners_.clear();
}

std::uint16_t Pop3Service::port() const noexcept {
    return listeners_.empty() ? std::uint16_t{0} : listeners_.front()->port();
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
    ++context_.metrics.connections;
    if (const char* why = refusal_for(accepted.peer.ip)) {
        ++context_.metrics.connections_refused;
        (void)posix::send_some(accepted.socket.get(), std::string{"-ERR [SYS/TEMP] "} + why + "\r\n");
        context_.events.publish(state::EventType::refused, std::chrono::system_clock::now(), 0, "",
                                {{"ip", accepted.peer.ip.text()}, {"reason", why}});
        return;
    }
    const std::uint64_t id = next_id_++;
    const ClientInfo client{accepted.peer, accepted.peer.ip.is_loopback()};
    auto connection =
        std::make_unique<Pop3Connection>(context_, *this, id, std::move(accepted.socket), client);
    Pop3Connection& started = *connection;
    connections_.emplace(id, std::move(connection));
    ++per_ip_[key_of(accepted.peer.ip)];
    ++context_.metrics.connections_open;
    started.start({});
}

const char* Pop3Service::refusal_for(const net::Ip& ip) const {
    const state::Settings& settings = context_.settings;
    std::size_t most = most_connections_;
    if (settings.max_connections != 0) most = std::min<std::size_t>(most, settings.max_connections);
    if (connections_.size() - leaving_.size() >= most) return "too many connections, try again later";
    if (settings.max_per_ip != 0) {
        const auto found = per_ip_.find(key_of(ip));
        if (found != per_ip_.end() && found->second >= settings.max_per_ip) {
            return "too many connections from your address, try again later";
        }
    }
    return nullptr;
}

void Pop3Service::retire(Pop3Connection& connection) {
    leaving_.push_back(connection.id());
    context_.loop.next_turn(sweep_);
}

void Pop3Service::user_came(Pop3Connection& connection) {
    ++context_.metrics.historic;
    ++per_user_[connection.user()];
    context_.metrics.online = per_user_.size();
}

void Pop3Service::user_left(Pop3Connection& connection) {
    const auto found = per_user_.find(connection.user());
    if (found != per_user_.end() && --found->second == 0) per_user_.erase(found);
    context_.metrics.online = per_user_.size();
}

void Pop3Service::sweep() {
    for (const std::uint64_t id : std::exchange(leaving_, {})) {
        const auto found = connections_.find(id);
        if (found == connections_.end()) continue;
        const auto from = per_ip_.find(key_of(found->second->address().ip));
        if (from != per_ip_.end() && --from->second == 0) per_ip_.erase(from);
        connections_.erase(found);
        --context_.metrics.connections_open;
    }
    report_when_empty();
}

void Pop3Service::report_when_empty() {
    if (connections_.empty() && when_empty_) std::exchange(when_empty_, nullptr)();
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
    return found == connections_.end() ? nullptr : found->second.get();
}

std::size_t Pop3Service::kick(std::uint64_t id) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return 0;
    found->second->stop(Ending::kicked, false);
    ++context_.metrics.kicks;
    return 1;
}

std::size_t Pop3Service::kick_user(std::string_view user) {
    std::size_t count = 0;
    for (const auto& [id, connection] : connections_) {
        if (!connection->logged_in() || connection->user() != user) continue;
        connection->stop(Ending::kicked, false);
        ++context_.metrics.kicks;
        ++count;
    }
    return count;
}

void Pop3Service::settings_changed() {
    for (const auto& [id, connection] : connections_) connection->settings_changed();
}

void Pop3Service::finish_all(std::function<void()> then) {
    drain(std::move(then));
    for (const auto& [id, connection] : connections_) connection->finish_up();
}

void Pop3Service::drain(std::function<void()> then) {
    stop_accepting();
    when_empty_ = std::move(then);
    for (const auto& [id, connection] : connections_) {
        if (!connection->logged_in()) connection->finish_up();   // it would log in now
    }
    context_.loop.next_turn(sweep_);   // reports in the next turn when nobody is there
}

} // namespace buzon::daemon
