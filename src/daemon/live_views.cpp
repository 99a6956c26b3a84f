#include "buzon/daemon/live_views.h"

#include <algorithm>
#include <utility>

namespace buzon::daemon {
namespace {

constexpr std::chrono::microseconds most_a_turn{500}; // then the sessions have their turn, who may be idle too
constexpr std::chrono::milliseconds rest{5};          // when the loop has no time left for us

} // namespace

LiveViews::LiveViews(event::EventLoop& loop) noexcept : loop_{loop}, spare_{loop.now(), loop.busy()} {}

void LiveViews::queue(LiveView& view) {
    if (view.queued_) return;
    if (queue_.empty()) {
        spare_.advance(loop_.now(), loop_.busy());
        spare_.begin();
    }
    queue_.push_back(&view);
    view.queued_ = true;
    if (!later_.armed()) loop_.next_turn(*this);
}

void LiveViews::leave(LiveView& view) noexcept {
    if (std::exchange(view.queued_, false)) std::erase(queue_, &view);
}

void LiveViews::run() {
    spare_.advance(loop_.now(), loop_.busy());
    const event::Instant begin = event::Clock::now();
    for (event::Instant now = begin; !queue_.empty() && spare_.left() && now - begin < most_a_turn;) {
        LiveView& view = *queue_.front();
        queue_.pop_front();
        view.queued_ = false;
        view.look();
        const event::Instant then = std::exchange(now, event::Clock::now());
        spare_.spend(now - then);
    }
    if (queue_.empty()) return;
    if (spare_.left())
        loop_.next_turn(*this);
    else
        later_.arm(loop_.timers(), loop_.now() + rest);
}

} // namespace buzon::daemon
