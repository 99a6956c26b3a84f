#include "buzon/upkeep/history_keeper.h"

namespace buzon::upkeep {
namespace {

using namespace std::chrono_literals;

constexpr auto before_the_end =
    50ms;                     // before the end of the minute: late enough to miss little, with time for a busy turn
constexpr auto min_wait = 1s; // a timer may fire a little early by the wall clock
// A manager who asks for the current period sees recent events, but gauges are sampled at most once a second.
constexpr auto fresh_for = 1s;

} // namespace

std::chrono::milliseconds until_minute_ends(std::chrono::system_clock::time_point now) {
    const auto end = std::chrono::floor<std::chrono::minutes>(now) + 1min - before_the_end;
    return std::chrono::ceil<std::chrono::milliseconds>((end - now >= min_wait ? end : end + 1min) - now);
}

HistoryKeeper::HistoryKeeper(event::EventLoop& loop, worker::Pool& disk, state::EventBus& events,
                             const std::string& directory, ReadMetrics metrics)
    : loop_{loop}
    , file_{disk, events, directory, "history"}
    , metrics_{std::move(metrics)}
    , history_{state::history_series()} {}

void HistoryKeeper::begin() {
    sample(true);
    timer_.arm(loop_.timers(), event::Clock::now() + until_minute_ends(std::chrono::system_clock::now()));
}

const state::History& HistoryKeeper::fresh() {
    sample(event::Clock::now() - sampled_ >= fresh_for);
    return history_;
}

void HistoryKeeper::on_timer(event::Timer&) {
    timer_.arm(loop_.timers(), event::Clock::now() + until_minute_ends(std::chrono::system_clock::now()));
    sample(true);
    // Skip this write if the previous one has not finished: a slow disk gets no more work.
    if (file_.kept() && !file_.writing()) file_.write(history_.encode(), nullptr);
}

void HistoryKeeper::sample(bool gauges_too) {
    if (gauges_too) sampled_ = event::Clock::now();
    state::read_history(metrics_(), values_);
    history_.sample(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()), values_, gauges_too);
}

void HistoryKeeper::finish(std::function<void()> then) {
    timer_.disarm();
    if (!file_.kept()) return then();
    sample(true);
    file_.write_last(history_.encode(), std::move(then));
}

} // namespace buzon::upkeep
