// admin/metrics_lag.h - records the health of the event loop once a second: its longest turn, the work it gave up for
// lack of memory, and the passing of another second for the percentiles.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "buzon/event/event_loop.h"
#include "buzon/state/metrics.h"

namespace buzon::admin {

class LoopLag final : private event::TimerHandler {
public:
    using Tell = std::function<void(const std::string&)>;

    // `tell` receives a warning for the log.
    LoopLag(event::EventLoop& loop, state::Metrics& metrics, Tell tell)
        : loop_{loop}, metrics_{metrics}, tell_{std::move(tell)} {}
    void begin() {
        mark(event::Clock::now());
        timer_.arm(loop_.timers(), event::Clock::now() + std::chrono::seconds{1});
    }

private:
    void on_timer(event::Timer&) override {
        timer_.arm(loop_.timers(), loop_.now() + std::chrono::seconds{1});
        const event::LoopStatistics now = loop_.take_statistics();
        const auto longest = std::chrono::duration_cast<std::chrono::microseconds>(now.longest_turn);
        metrics_.loop_lag.observe(static_cast<state::Count>(longest.count()));
        mark(loop_.now());
        metrics_.out_of_memory += now.without_memory - seen_;
        seen_ = now.without_memory;
        if (metrics_.out_of_memory == told_) return;
        tell_("memory could not be had " + std::to_string(metrics_.out_of_memory - told_) +
              " times: connections that needed it were closed");
        told_ = metrics_.out_of_memory;
    }

    void mark(event::Instant now) {
        const auto second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
        state::mark_second(metrics_, static_cast<state::Count>(second.count()));
    }

    event::EventLoop& loop_;
    state::Metrics& metrics_;
    Tell tell_;
    std::uint64_t seen_ = 0; // reported by the loop itself
    state::Count told_ = 0;
    event::Timer timer_{*this};
};

} // namespace buzon::admin
