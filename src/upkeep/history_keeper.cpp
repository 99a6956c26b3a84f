#include "buzon/upkeep/history_keeper.h"

#include <cstdio>

#include "buzon/jobs/jobs.h"
#include "buzon/posix/io.h"
#include "buzon/posix/replace_file.h"

namespace buzon::upkeep {
namespace {

using namespace std::chrono_literals;

constexpr auto before_the_end =
    50ms;                     // before the end of the minute: late enough to miss little, with time for a busy turn
constexpr auto min_wait = 1s; // a timer may fire a little early by the wall clock
// A manager who asks for the current period sees recent events, but gauges are sampled at most once a second.
constexpr auto fresh_for = 1s;
constexpr int names_aside = 10; // history.damaged, history.damaged.1, ...

// Returns the new name, or "" if the file could not be moved. Replaces older damaged files, but nothing else.
std::string put_aside(const std::string& path) {
    for (int number = 0; number < names_aside; ++number) {
        std::string aside = path + ".damaged" + (number == 0 ? "" : '.' + std::to_string(number));
        if (std::rename(path.c_str(), aside.c_str()) == 0) return aside;
    }
    return {};
}

} // namespace

std::chrono::milliseconds until_minute_ends(std::chrono::system_clock::time_point now) {
    const auto end = std::chrono::floor<std::chrono::minutes>(now) + 1min - before_the_end;
    return std::chrono::ceil<std::chrono::milliseconds>((end - now >= min_wait ? end : end + 1min) - now);
}

HistoryKeeper::HistoryKeeper(event::EventLoop& loop, worker::Pool& disk, state::EventBus& events, std::string directory,
                             ReadMetrics metrics)
    : loop_{loop}
    , disk_{disk}
    , events_{events}
    , path_{directory.empty() ? std::string{} : std::move(directory) + "/history"}
    , metrics_{std::move(metrics)}
    , history_{state::history_series()} {}

void HistoryKeeper::begin() {
    if (!path_.empty()) load();
    sample(true);
    timer_.arm(loop_.timers(), event::Clock::now() + until_minute_ends(std::chrono::system_clock::now()));
}

void HistoryKeeper::load() {
    auto file = posix::read_regular_file(path_.c_str(), state::History::max_file_octets);
    if (!file && file.error() == std::errc::no_such_file_or_directory) return;
    std::string wrong;
    if (!file)
        wrong = file.error().message();
    else if (const auto why = history_.decode(file.value()))
        wrong = *why;
    else
        return;
    const std::string aside = put_aside(path_);
    warn(path_ + ": " + wrong + "; starting a new history" + (aside.empty() ? "" : ", the old file is now " + aside));
}

const state::History& HistoryKeeper::fresh() {
    sample(event::Clock::now() - sampled_ >= fresh_for);
    return history_;
}

void HistoryKeeper::on_timer(event::Timer&) {
    timer_.arm(loop_.timers(), event::Clock::now() + until_minute_ends(std::chrono::system_clock::now()));
    sample(true);
    save();
}

void HistoryKeeper::sample(bool gauges_too) {
    if (gauges_too) sampled_ = event::Clock::now();
    state::read_history(metrics_(), values_);
    history_.sample(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()), values_, gauges_too);
}

void HistoryKeeper::save() {
    if (path_.empty() || saving_.waiting()) return; // a disk slower than a minute gets no more work
    saving_ = disk_.submit(jobs::order(jobs::Store{path_, history_.encode()}),
                           [this](worker::Answer answer) { tell_of_save(jobs::read<jobs::Store>(answer).why); });
}

void HistoryKeeper::finish() {
    timer_.disarm();
    if (path_.empty()) return;
    saving_.drop();
    sample(true);
    // A different temporary file from that of a worker that may still be writing.
    tell_of_save(posix::replace_file(path_, history_.encode(), "last"));
}

void HistoryKeeper::tell_of_save(std::error_code why) {
    if (why && !save_fails_) warn(path_ + ": not saved; the old file is kept: " + why.message());
    save_fails_ = static_cast<bool>(why);
}

void HistoryKeeper::warn(const std::string& message) {
    events_.log(state::Level::warning, std::chrono::system_clock::now(), message);
}

} // namespace buzon::upkeep
