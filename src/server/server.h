// server/server.h - the whole server: owns every part, wires them, starts and stops them.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "buzon/admin/control.h"
#include "buzon/admin/control_administrators.h"
#include "buzon/admin/manage_service.h"
#include "buzon/admin/metrics_lag.h"
#include "buzon/admin/metrics_service.h"
#include "buzon/config/file_watch.h"
#include "buzon/config/options.h"
#include "buzon/config/reload.h"
#include "buzon/event/signals.h"
#include "buzon/files/start_files.h"
#include "buzon/login/delay_keeper.h"
#include "buzon/login/locks.h"
#include "buzon/login/logins.h"
#include "buzon/login/maildrops.h"
#include "buzon/login/root_keeper.h"
#include "buzon/login/users.h"
#include "buzon/serve/listings.h"
#include "buzon/serve/pop3_service.h"
#include "buzon/serve/transforms.h"
#include "buzon/state/event_bus.h"
#include "buzon/state/log.h"
#include "buzon/upkeep/history_keeper.h"
#include "buzon/upkeep/log_writer.h"
#include "buzon/upkeep/reports.h"
#include "buzon/upkeep/syslog_socket.h"
#include "buzon/upkeep/trash_keeper.h"

namespace buzon::server {

class Server final : private admin::ServerHooks, private config::ReloadEvents {
public:
    // Binds both services. `users`: from load(); `root`: from checked_root(). Throws StartError, or std::system_error
    // where the kernel refuses what no server can do without.
    Server(config::Options options, auth::UserBase users, std::string root);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    // "Server started on port 1110 and for managers on port 1111, accepting IPv4 and IPv6 connections..."
    [[nodiscard]] std::string ready_line() const;
    // Serves until SIGTERM or SIGINT.
    void run();

private:
    [[nodiscard]] state::LogSink* log_sink();
    void open_services();
    void on_signal(int number);
    void stop();
    void stop_in_order();
    void end();
    [[nodiscard]] bool wants_root(const config::FreshFiles& fresh) const override;
    void users_read(auth::UserBase users) override;
    void users_not_read(const std::string& why) override;
    void files_read(config::FreshFiles fresh) override;
    void files_not_read(const std::string& why) override;
    void take_users(auth::UserBase users);
    void watch_users(posix::Result<config::FileWatch::Notices> notices);
    void watch_other_users();
    void take_settings(const state::Settings& fresh);
    void warn_of_what_waits_for_a_restart(const config::Options& fresh);
    void warn_of_options();
    void warn_of_broken_users();
    void log(state::Level level, const std::string& message);
    void settings_changed() override;
    void users_written() override { reload_.users_written(); }
    void drain() override;
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> details() const override;

    // Fires once, some time after stop(): by then every reply had its chance.
    class Deadline final : private event::TimerHandler {
    public:
        Deadline(event::EventLoop& loop) : loop_{loop} {}
        void arm(std::chrono::milliseconds after) { timer_.arm(loop_.timers(), event::Clock::now() + after); }

    private:
        void on_timer(event::Timer&) override { loop_.stop(); }
        event::EventLoop& loop_;
        event::Timer timer_{*this};
    };

    config::Options options_;
    state::Settings settings_;
    pop3::Settings pop3_settings_;
    state::Metrics metrics_;
    event::EventLoop loop_;
    upkeep::LogWriter log_writer_;
    std::optional<upkeep::SyslogSocket> syslog_; // with --log-socket, instead of stderr
    state::Log log_;
    state::EventBus events_;
    event::Signals signals_;
    worker::Pool disk_;
    worker::Pool hashes_;
    login::Maildrops maildrops_;
    login::Locks locks_;
    login::Users users_;
    login::RootKeeper root_{loop_, disk_, locks_, users_, maildrops_, events_};
    serve::Transforms transforms_;
    serve::Listings listings_;
    net::StreamRoom room_{loop_};
    serve::FileRoom file_room_;
    login::Logins logins_;
    upkeep::Reports reports_{loop_, disk_, settings_};
    upkeep::TrashKeeper trash_{loop_, disk_, settings_, events_, [this] { return users_.every_maildir(); }};
    serve::Pop3Service pop3_;
    admin::Administrators administrators_;
    upkeep::HistoryKeeper history_;
    login::DelayKeeper delay_keeper_;
    admin::Control control_;
    admin::ManageService manage_;
    admin::MetricsService http_;
    admin::LoopLag lag_{loop_, metrics_, [this](const std::string& what) { log(state::Level::warning, what); }};
    std::array<state::Settings::Seconds, 3> limits_in_force_{}; // that sessions' timers were armed with
    Deadline deadline_{loop_};
    config::Reload reload_{disk_, options_, *this};
    config::FileWatch users_watch_;
    worker::Pending looking_; // for another users file
    bool draining_ = false;
    bool stopping_ = false;
};

} // namespace buzon::server
