// admin/metrics_lag.h - records the health of the event loop once a second: its longest turn, how busy it was, and the
// work it gave up for lack of memory. It also marks each second for the percentiles.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <numeric>
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
        mark(last_ = event::Clock::now());
        timer_.arm(loop_.timers(), event::Clock::now() + std::chrono::seconds{1});
    }

private:
    void on_timer(event::Timer&) override {
        timer_.arm(loop_.timers(), loop_.now() + std::chrono::seconds{1});
        const event::LoopStatistics now = loop_.take_statistics();
        const auto longest = std::chrono::duration_cast<std::chrono::microseconds>(now.longest_turn);
        metrics_.loop_lag.observe(static_cast<state::Count>(longest.count()));
        note_busy(now.busy);
        mark(loop_.now());
        metrics_.out_of_memory += now.without_memory - seen_;
        seen_ = now.without_memory;
        if (metrics_.out_of_memory == told_) return;
        tell_("out of memory " + std::to_string(metrics_.out_of_memory - told_) +
              " times: the connections that needed it were closed");
        told_ = metrics_.out_of_memory;
    }

    // The busy share over the last 60 samples of about a second each, or over fewer soon after startup.
    void note_busy(std::chrono::nanoseconds busy) {
        samples_[next_++ % samples_.size()] = {busy, loop_.now() - last_};
        last_ = loop_.now();
        const Sample sum = std::accumulate(samples_.begin(), samples_.end(), Sample{}, [](Sample a, const Sample& b) {
            return Sample{a.busy + b.busy, a.all + b.all};
        });
        if (sum.all.count() > 0)
            metrics_.loop_busy = std::min<state::Count>(100, static_cast<state::Count>(sum.busy * 100 / sum.all));
    }

    void mark(event::Instant now) {
        const auto second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
        state::mark_second(metrics_, static_cast<state::Count>(second.count()));
    }

    event::EventLoop& loop_;
    state::Metrics& metrics_;
    Tell tell_;
    struct Sample {
        std::chrono::nanoseconds busy{0}, all{0};
    };
    std::array<Sample, state::Histogram::recent_seconds> samples_{};
    std::size_t next_ = 0;
    event::Instant last_{};  // when the latest sample was taken
    std::uint64_t seen_ = 0; // as last reported by the loop
    state::Count told_ = 0;
    event::Timer timer_{*this};
};

} // namespace buzon::admin
