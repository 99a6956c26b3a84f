#include "ending.h"

#include "buzon/event/memory.h"

namespace buzon::server {
namespace {

using namespace std::chrono_literals;

constexpr auto time_for_last_replies = 8s; // whoever stops a server gives it 10

} // namespace

void Ending::stop() {
    if (std::exchange(stopping_, true)) return loop_.stop();
    event::guarded([this] { stop_in_order(); }, [this] { loop_.stop(); });
}

void Ending::stop_in_order() {
    logging_.publish(state::EventType::server, {{"action", "stopping"}});
    services_.stop_managers();
    deadline_.arm(loop_.timers(), event::Clock::now() + time_for_last_replies);
    services_.pop3().finish_all([this] { end(); });
}

void Ending::drain() {
    if (stopping_ || std::exchange(draining_, true)) return;
    services_.pop3().drain([this] { end(); });
}

// The last session has gone.
void Ending::end() {
    services_.stop_managers();
    upkeep_.reports.finish([this] { loop_.stop(); });
}

} // namespace buzon::server
