// daemon/metrics_lag.h - once a second: how long the event loop was away from its descriptors (the longest turn), and
// that another second has passed for the percentiles.
#pragma once

#include <chrono>

#include "buzon/event/event_loop.h"
#include "buzon/state/metrics.h"

namespace buzon::daemon {

class LoopLag final : private event::TimerHandler {
public:
    LoopLag(event::EventLoop& loop, state::Metrics& metrics) : loop_{loop}, metrics_{metrics} {}
    void begin() {
        mark(event::Clock::now());
        timer_.arm(loop_.timers(), event::Clock::now() + std::chrono::seconds{1});
    }

private:
    void on_timer(event::Timer&) override {
        timer_.arm(loop_.timers(), loop_.now() + std::chrono::seconds{1});
        const auto longest =
            std::chrono::duration_cast<std::chrono::microseconds>(loop_.take_statistics().longest_turn);
        metrics_.loop_lag.observe(static_cast<state::Count>(longest.count()));
        mark(loop_.now());
    }

    void mark(event::Instant now) {
        const auto second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
        state::mark_second(metrics_, static_cast<state::Count>(second.count()));
    }

    event::EventLoop& loop_;
    state::Metrics& metrics_;
    event::Timer timer_{*this};
};

} // namespace buzon::daemon
