// server/server.h - the whole server: owns every part, wires them, starts them, and reads its files again.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "buzon/config/options.h"
#include "buzon/config/reload.h"
#include "buzon/event/signals.h"
#include "buzon/login/logins.h"
#include "buzon/serve/transforms.h"
#include "ending.h"
#include "logging.h"
#include "mail.h"
#include "services.h"
#include "upkeep.h"
#include "users_watch.h"

namespace buzon::server {

class Server final : private admin::ServerHooks, private config::ReloadEvents {
public:
    // Binds both services. `users`: from load(); `root`: from checked_root(). Throws StartError, or std::system_error
    // where the kernel refuses what no server can do without.
    Server(config::Options options, auth::UserBase users, std::string root);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // "Server started on port 1110 and for managers on port 1111, accepting IPv4 and IPv6 connections..."
    [[nodiscard]] std::string ready_line() const { return services_.ready_line(); }
    // Serves until SIGTERM or SIGINT.
    void run();

private:
    [[nodiscard]] ServicesNeeds services_needs();
    void on_signal(int number);
    [[nodiscard]] bool wants_root(const config::FreshFiles& fresh) const override;
    void users_read(auth::UserBase users) override;
    void users_not_read(const std::string& why) override;
    void files_read(config::FreshFiles fresh) override;
    void files_not_read(const std::string& why) override;
    void take_users(auth::UserBase users);
    void take_settings(const state::Settings& fresh);
    void warn_of_what_waits_for_a_restart(const config::Options& fresh);
    void warn_of_options();
    void warn_of_broken_users();
    void tell_of_reading(const char* what);
    void settings_changed() override;
    void users_written() override { reload_.users_written(); }
    void drain() override { ending_.drain(); }
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> details() const override {
        return services_.details();
    }

    config::Options options_;
    state::Settings settings_;
    state::Metrics metrics_;
    event::EventLoop loop_;
    Logging logging_;
    event::Signals signals_;
    worker::Pool hashes_;
    Mail mail_;
    serve::Transforms transforms_;
    login::Logins logins_;
    Upkeep upkeep_;
    Services services_;
    Ending ending_;
    config::Reload reload_;
    UsersWatch users_watch_;
};

} // namespace buzon::server
