// upkeep/history_keeper.h - samples the metrics once a minute and preserves their history across restarts (--state
// DIR).
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/state/event_bus.h"
#include "buzon/state/history.h"
#include "buzon/state/metrics.h"
#include "buzon/upkeep/state_file.h"

namespace buzon::upkeep {

// From `now` until just before the end of its wall-clock minute, 1 to 61 s: a sample taken then counts toward the
// minute that it mostly covers.
[[nodiscard]] std::chrono::milliseconds until_minute_ends(std::chrono::system_clock::time_point now);

class HistoryKeeper final : private event::TimerHandler {
public:
    using ReadMetrics = std::function<const state::Metrics&()>;

    // directory: if empty, nothing is saved.
    HistoryKeeper(event::EventLoop& loop, worker::Pool& disk, state::EventBus& events, const std::string& directory,
                  ReadMetrics metrics);
    HistoryKeeper(const HistoryKeeper&) = delete;
    HistoryKeeper& operator=(const HistoryKeeper&) = delete;

    [[nodiscard]] const StateFile& file() const noexcept { return file_; }
    // Loads the file; call it before begin(). Returns what is wrong with it; then the history stays empty.
    [[nodiscard]] std::optional<std::string> restore(std::string_view text) { return history_.decode(text); }
    // Takes the first sample; later samples are taken by the timer.
    void begin();
    // The history including the current minute so far.
    [[nodiscard]] const state::History& fresh();
    // For shutdown: a worker writes what is unsaved, then `then` is called.
    void finish(std::function<void()> then);

private:
    void on_timer(event::Timer&) override;
    void sample(bool gauges_too);

    event::EventLoop& loop_;
    StateFile file_;
    ReadMetrics metrics_;
    state::History history_;
    std::vector<state::Count> values_;
    event::Timer timer_{*this};
    event::Instant sampled_{};
};

} // namespace buzon::upkeep
