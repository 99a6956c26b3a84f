// daemon/server.h - the whole server: owns every part, wires them, starts and stops them.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "buzon/daemon/control.h"
#include "buzon/daemon/control_administrators.h"
#include "buzon/daemon/delay_keeper.h"
#include "buzon/daemon/file_watch.h"
#include "buzon/daemon/history_keeper.h"
#include "buzon/daemon/listings.h"
#include "buzon/daemon/locks.h"
#include "buzon/daemon/log_writer.h"
#include "buzon/daemon/logins.h"
#include "buzon/daemon/maildrops.h"
#include "buzon/daemon/manage_service.h"
#include "buzon/daemon/metrics_lag.h"
#include "buzon/daemon/metrics_service.h"
#include "buzon/daemon/options.h"
#include "buzon/daemon/pop3_service.h"
#include "buzon/daemon/reload.h"
#include "buzon/daemon/reports.h"
#include "buzon/daemon/root_keeper.h"
#include "buzon/daemon/start_files.h"
#include "buzon/daemon/syslog_socket.h"
#include "buzon/daemon/transforms.h"
#include "buzon/daemon/trash_keeper.h"
#include "buzon/daemon/users.h"
#include "buzon/event/signals.h"
#include "buzon/state/event_bus.h"
#include "buzon/state/log.h"

namespace buzon::daemon {

class Server final : private ServerHooks, private ReloadEvents {
public:
    // Binds both services. `users`: from load(); `root`: from checked_root(). Throws StartError, or std::system_error
    // where the kernel refuses what no server can do without.
    Server(Options options, auth::UserBase users, std::string root);
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
    [[nodiscard]] bool wants_root(const FreshFiles& fresh) const override;
    void users_read(auth::UserBase users) override;
    void users_not_read(const std::string& why) override;
    void files_read(FreshFiles fresh) override;
    void files_not_read(const std::string& why) override;
    void take_users(auth::UserBase users);
    void watch_users(posix::Result<FileWatch::Notices> notices);
    void watch_other_users();
    void take_settings(const state::Settings& fresh);
    void warn_of_what_waits_for_a_restart(const Options& fresh);
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

    Options options_;
    state::Settings settings_;
    pop3::Settings pop3_settings_;
    state::Metrics metrics_;
    event::EventLoop loop_;
    LogWriter log_writer_;
    std::optional<SyslogSocket> syslog_; // with --log-socket, instead of stderr
    state::Log log_;
    state::EventBus events_;
    event::Signals signals_;
    worker::Pool disk_;
    worker::Pool hashes_;
    Maildrops maildrops_;
    Locks locks_;
    Users users_;
    RootKeeper root_{loop_, disk_, locks_, users_, maildrops_, events_};
    Transforms transforms_;
    Listings listings_;
    net::StreamRoom room_{loop_};
    FileRoom file_room_;
    Logins logins_;
    Reports reports_{loop_, disk_, settings_};
    TrashKeeper trash_{loop_, disk_, settings_, events_, [this] { return users_.every_maildir(); }};
    Pop3Service pop3_;
    Administrators administrators_;
    HistoryKeeper history_;
    DelayKeeper delay_keeper_;
    Control control_;
    ManageService manage_;
    MetricsService http_;
    LoopLag lag_{loop_, metrics_, [this](const std::string& what) { log(state::Level::warning, what); }};
    std::array<state::Settings::Seconds, 3> limits_in_force_{}; // that sessions' timers were armed with
    Deadline deadline_{loop_};
    Reload reload_{disk_, options_, *this};
    FileWatch users_watch_;
    worker::Pending looking_; // for another users file
    bool draining_ = false;
    bool stopping_ = false;
};

} // namespace buzon::daemon
