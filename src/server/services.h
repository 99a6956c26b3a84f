// server/services.h - what others connect to: POP3, the management protocol and the metrics page.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "buzon/admin/control.h"
#include "buzon/admin/control_administrators.h"
#include "buzon/admin/manage_service.h"
#include "buzon/admin/metrics_service.h"
#include "buzon/files/tls_program.h"
#include "buzon/serve/fetched_ahead.h"
#include "buzon/serve/listings.h"
#include "buzon/serve/pop3_service.h"
#include "buzon/serve/transforms.h"
#include "buzon/systemd/handed.h"
#include "mail.h"
#include "upkeep.h"

namespace buzon::server {

constexpr std::size_t max_hash_workers = 2; // for slow hashes; one more for quick checks

// What the services use and change. All of it must outlive them.
struct ServicesNeeds {
    const config::Options& options; // the current ones; they say where SAVE writes
    state::Settings& settings;
    state::Metrics& metrics;
    event::EventLoop& loop;
    keeper::Sockets& sockets;
    state::EventBus& events;
    jobs::HashWorkers hashes;
    Mail& mail;
    serve::Transforms& transforms;
    login::Logins& logins;
    Upkeep& upkeep;
    keeper::Starter& starter;
};

class Services final : private event::TimerHandler {
public:
    // Throws StartError for administrators that cannot be read.
    Services(const ServicesNeeds& needs, auth::UserBase administrators, admin::ServerHooks& hooks);
    Services(const Services&) = delete;
    Services& operator=(const Services&) = delete;

    // Binds and listens, or takes over sockets that the service manager has bound. Throws StartError.
    void open(systemd::Handed handed);
    // Calls `then` when all services work: at once, or as soon as TLS does. If TLS takes too long, it calls `then`
    // anyway.
    void when_complete(std::function<void()> then);
    // Updates what sessions read from the settings and the users.
    void settings_changed();
    // The certificate may have changed.
    void renew_tls(const config::Options& fresh);
    // Disconnects managers and scrapers.
    void stop_managers();

    [[nodiscard]] serve::Pop3Service& pop3() noexcept { return pop3_; }
    [[nodiscard]] admin::Control& control() noexcept { return control_; }
    [[nodiscard]] const admin::Control& control() const noexcept { return control_; }
    [[nodiscard]] admin::Administrators& administrators() noexcept { return administrators_; }
    [[nodiscard]] std::uint16_t port() const noexcept { return pop3_.port(); }
    [[nodiscard]] std::uint16_t manage_port() const noexcept { return manage_.port(); }
    [[nodiscard]] std::string ready_line() const;
    // The server's lines of INFO *.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> details() const;

private:
    [[nodiscard]] serve::Pop3Needs pop3_needs();
    [[nodiscard]] std::vector<admin::ManageService::Where> where_managers_come() const;
    void refuse_managers_from_beyond() const;
    void open_tls(std::vector<posix::UniqueFd> sockets);
    void on_timer(event::Timer&) override { tell_complete(); }
    void tell_complete();
    void tls_works(bool works);

    ServicesNeeds needs_;
    const std::string sandbox_words_; // determined before this process is confined
    pop3::Settings pop3_settings_;
    std::array<state::Settings::Seconds, 3> limits_in_force_{}; // the limits that sessions' timers were armed with
    net::StreamRoom room_;
    serve::FileRoom file_room_;
    serve::FetchedAhead ahead_;
    serve::Listings listings_;
    std::optional<files::PrivateDirectory> back_; // for the socket on which the TLS program connects back
    serve::Pop3Service pop3_;
    admin::Administrators administrators_;
    admin::Control control_;
    admin::ManageService manage_;
    admin::MetricsService http_;
    std::function<void()> when_complete_;
    event::Timer patience_{*this};
};

} // namespace buzon::server
