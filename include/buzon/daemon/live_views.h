// daemon/live_views.h - whose turn it is among those who watch (EVNT, LOGG FOLLOW), and how long: however many they
// are, the sessions do not wait for them.
#pragma once

#include <cstddef>
#include <deque>

#include "buzon/event/event_loop.h"
#include "buzon/event/spare_time.h"

namespace buzon::daemon {

class LiveView {
public:
    // Sends what there is to show, a bounded part of it. May queue itself again and retire, not end.
    virtual void look() = 0;
    virtual ~LiveView() = default;

private:
    friend class LiveViews;
    bool queued_ = false;
};

class LiveViews final : private event::Task, private event::TimerHandler {
public:
    explicit LiveViews(event::EventLoop& loop) noexcept;

    // Its look comes when all who are queued have had theirs and the loop has time for it. Calls nobody.
    void queue(LiveView& view);
    void leave(LiveView& view) noexcept;

private:
    void run() override;
    void on_timer(event::Timer&) override { run(); }

    event::EventLoop& loop_;
    event::SpareTime spare_;
    event::Timer later_{*this};
    std::deque<LiveView*> queue_;
};

} // namespace buzon::daemon
