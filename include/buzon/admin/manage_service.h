// admin/manage_service.h - the management side of the server: its listeners and connections.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "buzon/admin/manage_connection.h"
#include "buzon/net/listener.h"
#include "buzon/state/metrics.h"

namespace buzon::admin {

class ManageService final : public ManagerOwner, private event::Task {
public:
    ManageService(ManagerNeeds needs, state::Metrics& metrics);
    ManageService(const ManageService&) = delete;
    ManageService& operator=(const ManageService&) = delete;
    ~ManageService() override;

    // Binds, but accepts nothing before begin(). optional: skip the address if this machine does not have it.
    struct Where {
        net::ListenAddress address;
        std::string name;
        bool optional = false;
    };
    [[nodiscard]] std::error_code open(const std::vector<Where>& where, std::string& failed);
    // Instead of open(): takes over sockets that are already bound.
    [[nodiscard]] std::error_code adopt(std::vector<posix::UniqueFd> sockets);
    // Whether it listens on an address beyond loopback.
    [[nodiscard]] bool beyond_loopback() const noexcept;
    [[nodiscard]] std::error_code begin();
    void stop();
    // The idle limit may have changed. Applies it to existing connections, too.
    void settings_changed();

    // 0 if only unix sockets are served.
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

private:
    [[nodiscard]] std::error_code open_once(const std::vector<Where>& where, std::string& failed);
    void accept(net::Accepted accepted);
    [[nodiscard]] bool make_room();
    void retire(ManageConnection& connection) noexcept override;
    void run() override; // destroys connections that have ended

    ManagerNeeds needs_;
    state::Metrics& metrics_;
    std::vector<std::unique_ptr<net::Listener>> listeners_;
    std::uint16_t port_ = 0;
    std::uint64_t next_id_ = 1;
    std::unordered_map<std::uint64_t, std::unique_ptr<ManageConnection>> connections_;
    std::vector<std::uint64_t> leaving_;
};

} // namespace buzon::admin
