#include "buzon/admin/metrics_service.h"

#include "buzon/posix/io.h"

namespace buzon::admin {

MetricsService::MetricsService(event::EventLoop& loop, net::StreamRoom& room, std::function<std::string()> page)
    : loop_{loop}, room_{room}, page_{std::move(page)} {}

MetricsService::~MetricsService() = default;

std::error_code MetricsService::open(keeper::Sockets& sockets, const std::vector<net::Endpoint>& where,
                                     std::string& failed) {
    for (const net::Endpoint& endpoint : where) {
        auto opened = net::Listener::open(loop_, sockets, endpoint);
        if (!opened) {
            failed = endpoint.text();
            return opened.error();
        }
        listeners_.push_back(std::move(opened).value());
    }
    return {};
}

std::error_code MetricsService::adopt(std::vector<posix::UniqueFd> sockets) {
    for (posix::UniqueFd& socket : sockets) {
        auto listener = net::Listener::adopt(loop_, std::move(socket));
        if (!listener) return listener.error();
        listeners_.push_back(std::move(listener).value());
    }
    return {};
}

std::error_code MetricsService::begin() {
    for (const auto& listener : listeners_) {
        if (const std::error_code why = listener->begin([this](net::Accepted a) { accept(std::move(a)); })) return why;
    }
    return {};
}

void MetricsService::stop() {
    listeners_.clear();
    for (const auto& [id, connection] : connections_) connection->close();
}

std::vector<std::string> MetricsService::addresses() const {
    std::vector<std::string> texts;
    for (const auto& listener : listeners_) texts.push_back(listener->bound().text());
    return texts;
}

void MetricsService::accept(net::Accepted accepted) {
    if (connections_.size() - leaving_.size() >= max_connections) {
        (void)posix::send_some(accepted.socket.get(),
                               "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    }
    const std::uint64_t id = next_id_++;
    auto connection = std::make_unique<MetricsConnection>(loop_, room_, *this, id, std::move(accepted.socket), page_);
    MetricsConnection& started = *connection;
    leaving_.reserve(connections_.size() + 1); // removing it must not allocate memory
    connections_.emplace(id, std::move(connection));
    started.start();
}

void MetricsService::retire(MetricsConnection& connection) noexcept {
    leaving_.push_back(connection.id());
    loop_.next_turn(*this);
}

void MetricsService::run() {
    for (; !leaving_.empty(); leaving_.pop_back()) connections_.erase(leaving_.back());
}

} // namespace buzon::admin
