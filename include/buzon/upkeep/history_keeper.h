// upkeep/history_keeper.h - samples the metrics once a minute and keeps their history across restarts (--state DIR).
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

// From `now` until shortly before the end of its minute by the wall clock, 1 to 61 s: a sample taken then counts in the
// minute in which all but the last moment of it happened.
[[nodiscard]] std::chrono::milliseconds until_minute_ends(std::chrono::system_clock::time_point now);

class HistoryKeeper final : private event::TimerHandler {
public:
    using ReadMetrics = std::function<const state::Metrics&()>;

    // directory: empty keeps nothing.
    HistoryKeeper(event::EventLoop& loop, worker::Pool& disk, state::EventBus& events, std::string directory,
                  ReadMetrics metrics);
    HistoryKeeper(const HistoryKeeper&) = delete;
    HistoryKeeper& operator=(const HistoryKeeper&) = delete;

    // Reads the file and takes the first sample; from then on the timer does. May wait for the disk: at the start. A
    // file that is damaged, or no history at all, is put aside as history.damaged and said so in the log.
    void begin();
    // The history up to now.
    [[nodiscard]] const state::History& fresh();
    // Writes what there is, and waits for the disk: for the very end.
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
    std::string path_; // of the file; empty: none
    ReadMetrics metrics_;
    state::History history_;
    std::vector<state::Count> values_;
    event::Timer timer_{*this};
    event::Instant sampled_{};
    worker::Pending saving_;
    bool save_fails_ = false; // said once, not every minute
};

} // namespace buzon::upkeep
