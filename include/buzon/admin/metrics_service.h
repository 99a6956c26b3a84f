// admin/metrics_service.h - the HTTP side of the server: its listeners and connections (--metrics ADDR:PORT).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "buzon/admin/metrics_connection.h"
#include "buzon/net/listener.h"

namespace buzon::admin {

class MetricsService final : public MetricsOwner, private event::Task {
public:
    // A scraper needs one connection. Connections beyond this limit get a 503.
    static constexpr std::size_t max_connections = 32;

    // page: produces the content of /metrics for each request.
    MetricsService(event::EventLoop& loop, net::StreamRoom& room, std::function<std::string()> page);
    MetricsService(const MetricsService&) = delete;
    MetricsService& operator=(const MetricsService&) = delete;
    ~MetricsService() override;

    // Binds all addresses, but accepts nothing before begin(). `failed` names the address that could not be bound.
    [[nodiscard]] std::error_code open(keeper::Sockets& sockets, const std::vector<net::Endpoint>& where,
                                       std::string& failed);
    // Instead of open(): takes over sockets that are already bound.
    [[nodiscard]] std::error_code adopt(std::vector<posix::UniqueFd> sockets);
    [[nodiscard]] std::error_code begin();
    void stop();

    // The addresses actually bound, in the order given.
    [[nodiscard]] std::vector<std::string> addresses() const;

private:
    void accept(net::Accepted accepted);
    void retire(MetricsConnection& connection) noexcept override;
    void run() override; // destroys connections that have ended

    event::EventLoop& loop_;
    net::StreamRoom& room_;
    std::function<std::string()> page_;
    std::vector<std::unique_ptr<net::Listener>> listeners_;
    std::uint64_t next_id_ = 1;
    std::unordered_map<std::uint64_t, std::unique_ptr<MetricsConnection>> connections_;
    std::vector<std::uint64_t> leaving_;
};

} // namespace buzon::admin
