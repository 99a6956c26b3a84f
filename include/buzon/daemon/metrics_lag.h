// daemon/metrics_lag.h - how long the event loop was away from its descriptors: the longest turn of each second.
#pragma once

#include <chrono>

#include "buzon/event/event_loop.h"
#include "buzon/state/metrics.h"

namespace buzon::daemon {

class LoopLag final : private event::TimerHandler {
public:
    LoopLag(event::EventLoop& loop, state::Metrics& metrics) : loop_{loop}, metrics_{metrics} {}
    void begin() { timer_.arm(loop_.timers(), event::Clock::now() + std::chrono::seconds{1}); }

private:
    void on_timer(event::Timer&) override {
        timer_.arm(loop_.timers(), loop_.now() + std::chrono::seconds{1});
        const auto longest =
            std::chrono::duration_cast<std::chrono::microseconds>(loop_.take_statistics().longest_turn);
        metrics_.loop_lag.observe(static_cast<state::Count>(longest.count()));
    }

    event::EventLoop& loop_;
    state::Metrics& metrics_;
    event::Timer timer_{*this};
};

} // namespace buzon::daemon
