// server/services.h - what others connect to: POP3, the managers' protocol and the page of metrics.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "buzon/admin/control.h"
#include "buzon/admin/control_administrators.h"
#include "buzon/admin/manage_service.h"
#include "buzon/admin/metrics_service.h"
#include "buzon/serve/listings.h"
#include "buzon/serve/pop3_service.h"
#include "buzon/serve/transforms.h"
#include "mail.h"
#include "upkeep.h"

namespace buzon::server {

constexpr std::size_t max_hash_workers = 2;

// What the services use and change; it outlives them.
struct ServicesNeeds {
    const config::Options& options; // as they were at the start; where SAVE writes to
    state::Settings& settings;
    state::Metrics& metrics;
    event::EventLoop& loop;
    state::EventBus& events;
    worker::Pool& hashes;
    Mail& mail;
    serve::Transforms& transforms;
    login::Logins& logins;
    Upkeep& upkeep;
};

class Services {
public:
    // Throws StartError for administrators that cannot be read.
    Services(const ServicesNeeds& needs, admin::ServerHooks& hooks);
    Services(const Services&) = delete;
    Services& operator=(const Services&) = delete;

    // Binds and listens. Throws StartError.
    void open();
    // Brings what sessions look at up to date with the settings and the users.
    void settings_changed();
    // Managers and scrapers go.
    void stop_managers();

    [[nodiscard]] serve::Pop3Service& pop3() noexcept { return pop3_; }
    [[nodiscard]] admin::Control& control() noexcept { return control_; }
    [[nodiscard]] const admin::Control& control() const noexcept { return control_; }
    [[nodiscard]] admin::Administrators& administrators() noexcept { return administrators_; }
    [[nodiscard]] std::uint16_t manage_port() const noexcept { return manage_.port(); }
    [[nodiscard]] std::string ready_line() const;
    // Of INFO.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> details() const;

private:
    [[nodiscard]] serve::Pop3Needs pop3_needs();
    [[nodiscard]] std::vector<admin::ManageService::Where> where_managers_come() const;

    ServicesNeeds needs_;
    pop3::Settings pop3_settings_;
    std::array<state::Settings::Seconds, 3> limits_in_force_{}; // that sessions' timers were armed with
    net::StreamRoom room_;
    serve::FileRoom file_room_;
    serve::Listings listings_;
    serve::Pop3Service pop3_;
    admin::Administrators administrators_;
    admin::Control control_;
    admin::ManageService manage_;
    admin::MetricsService http_;
};

} // namespace buzon::server
