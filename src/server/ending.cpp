#include "ending.h"

#include <algorithm>

#include "buzon/event/memory.h"

namespace buzon::server {
namespace {

using namespace std::chrono_literals;

// Service managers and operators expect a server to end within 10 seconds of SIGTERM.
constexpr auto time_for_last_replies = 8s;
constexpr auto time_for_all = 9s;
constexpr auto time_when_hurried = 1s;

} // namespace

void Ending::stop() {
    if (phase_ == Phase::writing) return; // the server ends soon anyway
    if (phase_ != Phase::stopping) {
        phase_ = Phase::stopping;
        return event::guarded([this] { stop_in_order(); }, [this] { write_down(); });
    }
    last_moment_ = std::min(last_moment_, event::Clock::now() + time_when_hurried);
    write_down();
}

void Ending::stop_in_order() {
    const event::Instant now = event::Clock::now();
    last_moment_ = now + time_for_all;
    deadline_.arm(loop_.timers(), now + time_for_last_replies);
    logging_.publish(state::EventType::server, {{"action", "stopping"}});
    services_.stop_managers();
    services_.pop3().finish_all([this] { write_down(); });
}

void Ending::drain() {
    if (phase_ != Phase::serving) return;
    phase_ = Phase::draining;
    services_.pop3().drain([this] { write_down(); });
}

void Ending::on_timer(event::Timer&) {
    if (phase_ != Phase::writing) return write_down(); // every reply has had its chance by now
    logging_.warn("the disk does not respond: the latest reports, login delays and history may be lost");
    loop_.stop();
}

// The last session has ended, or must end with the server.
void Ending::write_down() {
    if (phase_ == Phase::writing) return;
    if (phase_ == Phase::draining) last_moment_ = event::Clock::now() + time_for_all;
    phase_ = Phase::writing;
    const auto begin = [this] {
        deadline_.arm(loop_.timers(), last_moment_);
        services_.stop_managers();
        upkeep_.finish([this] { loop_.stop(); });
    };
    event::guarded(begin, [this] { loop_.stop(); });
}

} // namespace buzon::server
