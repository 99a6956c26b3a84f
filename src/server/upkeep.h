// server/upkeep.h - what the server does by itself from time to time: writes reports, the history and login delays,
// removes old trash, and measures its own event loop.
#pragma once

#include <functional>
#include <string>

#include "buzon/admin/metrics_lag.h"
#include "buzon/login/delay_keeper.h"
#include "buzon/upkeep/history_keeper.h"
#include "buzon/upkeep/reports.h"
#include "buzon/upkeep/trash_keeper.h"
#include "logging.h"
#include "mail.h"

namespace buzon::server {

struct Upkeep {
    // directory: that of --state. If it is empty, nothing is kept across restarts.
    Upkeep(event::EventLoop& loop, state::Metrics& metrics, const state::Settings& settings, Logging& logging,
           Mail& mail, login::Logins& logins, const std::string& directory,
           upkeep::HistoryKeeper::ReadMetrics read_metrics)
        : reports{loop, mail.disk, settings}
        , trash{loop, mail.disk, settings, logging.events(), [&mail] { return mail.users.every_maildir(); }}
        , history{loop, mail.files, logging.events(), directory, std::move(read_metrics)}
        , delays{loop, mail.files, settings, logins.delays(), logging.events(), directory}
        , lag{loop, metrics, [&logging](const std::string& what) { logging.warn(what); }} {}
    Upkeep(const Upkeep&) = delete;
    Upkeep& operator=(const Upkeep&) = delete;

    // Reads the files of --state. May block on disk I/O, so call it at startup. A file that cannot be used is logged; a
    // damaged history is renamed to history.damaged.
    void begin(Logging& logging);
    // For shutdown: writes everything, then calls `then`. Takes as long as the disk does.
    void finish(std::function<void()> then);

    upkeep::Reports reports;
    upkeep::TrashKeeper trash;
    upkeep::HistoryKeeper history;
    login::DelayKeeper delays;
    admin::LoopLag lag;

private:
    void restore_history(Logging& logging);
    void restore_delays(Logging& logging);

    int unfinished_ = 0; // parts still being written
    std::function<void()> when_finished_;
};

} // namespace buzon::server
