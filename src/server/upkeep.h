// server/upkeep.h - what the server does by itself, now and then: puts down reports, the history and login delays,
// removes old trash, looks after its own loop.
#pragma once

#include "buzon/admin/metrics_lag.h"
#include "buzon/login/delay_keeper.h"
#include "buzon/upkeep/history_keeper.h"
#include "buzon/upkeep/reports.h"
#include "buzon/upkeep/trash_keeper.h"
#include "logging.h"
#include "mail.h"

namespace buzon::server {

struct Upkeep {
    // directory: of --state; empty: nothing is kept across restarts.
    Upkeep(event::EventLoop& loop, state::Metrics& metrics, const state::Settings& settings, Logging& logging,
           Mail& mail, login::Logins& logins, const std::string& directory,
           upkeep::HistoryKeeper::ReadMetrics read_metrics)
        : reports{loop, mail.disk, settings}
        , trash{loop, mail.disk, settings, logging.events(), [&mail] { return mail.users.every_maildir(); }}
        , history{loop, mail.disk, logging.events(), directory, std::move(read_metrics)}
        , delays{loop, mail.disk, settings, logins.delays(), logging.events(), directory}
        , lag{loop, metrics, [&logging](const std::string& what) { logging.warn(what); }} {}
    Upkeep(const Upkeep&) = delete;
    Upkeep& operator=(const Upkeep&) = delete;

    // At the start: waits for the disk.
    void begin() {
        history.begin();
        delays.begin();
        lag.begin();
    }
    // At the very end: waits for the disk.
    void finish() {
        history.finish();
        delays.finish();
    }

    upkeep::Reports reports;
    upkeep::TrashKeeper trash;
    upkeep::HistoryKeeper history;
    login::DelayKeeper delays;
    admin::LoopLag lag;
};

} // namespace buzon::server
