// upkeep/history_keeper.h - samples the metrics once a minute and preserves their history across restarts (--state
// DIR).
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "buzon/event/event_loop.h"
#include "buzon/state/event_bus.h"
#include "buzon/state/history.h"
#include "buzon/state/metrics.h"
#include "buzon/worker/pool.h"

namespace buzon::upkeep {

// From `now` until just before the end of its wall-clock minute, 1 to 61 s: a sample taken then counts toward the
// minute that it mostly covers.
[[nodiscard]] std::chrono::milliseconds until_minute_ends(std::chrono::system_clock::time_point now);

class HistoryKeeper final : private event::TimerHandler {
public:
    using ReadMetrics = std::function<const state::Metrics&()>;

    // directory: if empty, nothing is saved.
    HistoryKeeper(event::EventLoop& loop, worker::Pool& disk, state::EventBus& events, std::string directory,
                  ReadMetrics metrics);
    HistoryKeeper(const HistoryKeeper&) = delete;
    HistoryKeeper& operator=(const HistoryKeeper&) = delete;

    // Reads the file and takes the first sample; later samples are taken by the timer. May block on disk I/O, so call
    // it at startup. A damaged or foreign file is renamed to history.damaged, which is logged.
    void begin();
    // The history including the current minute so far.
    [[nodiscard]] const state::History& fresh();
    // Writes the history and blocks on disk I/O: for shutdown.
    void finish();

private:
    void on_timer(event::Timer&) override;
    void load();
    void sample(bool gauges_too);
    void save();
    void tell_of_save(std::error_code why);
    void warn(const std::string& message);

    event::EventLoop& loop_;
    worker::Pool& disk_;
    state::EventBus& events_;
    std::string path_; // of the history file; empty: none
    ReadMetrics metrics_;
    state::History history_;
    std::vector<state::Count> values_;
    event::Timer timer_{*this};
    event::Instant sampled_{};
    worker::Pending saving_;
    bool save_fails_ = false; // already logged
};

} // namespace buzon::upkeep
