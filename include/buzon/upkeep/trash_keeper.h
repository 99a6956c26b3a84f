// upkeep/trash_keeper.h - removes expired deleted mail (--undelete-grace): after each QUIT that deleted something, and
// in a slow walk through all users' maildrops.
#pragma once

#include <functional>
#include <string>

#include "buzon/event/event_loop.h"
#include "buzon/state/event_bus.h"
#include "buzon/state/settings.h"
#include "buzon/worker/pool.h"

namespace buzon::upkeep {

class TrashKeeper final : private event::TimerHandler {
public:
    // Returns one Maildir and its owner per call, "" at the end.
    using NextMaildir = std::function<std::pair<std::string, posix::Ids>()>;

    // `walk` starts a walk through all maildrops.
    TrashKeeper(event::EventLoop& loop, worker::Pool& disk, const state::Settings& settings, state::EventBus& events,
                std::function<NextMaildir()> walk)
        : loop_{loop}, disk_{disk}, settings_{settings}, events_{events}, walk_{std::move(walk)} {}
    TrashKeeper(const TrashKeeper&) = delete;
    TrashKeeper& operator=(const TrashKeeper&) = delete;

    // The deletion time to record for messages deleted now, as Unix time; 0 means they are not kept. `always`: keep
    // them even if undelete-grace is 0; then they stay until it is set, or until somebody removes them.
    [[nodiscard]] std::int64_t keep_since(bool always) const;
    // A session has deleted mail in this Maildir: removes expired messages from its trash.
    void deleted_in(const std::string& maildir, const posix::Ids& owner);
    // Starts a new walk soon if undelete-grace has changed.
    void settings_changed();

private:
    void on_timer(event::Timer&) override { walk_on(); }
    void walk_on();
    void expired(const std::string& maildir, const worker::Answer& answer);

    event::EventLoop& loop_;
    worker::Pool& disk_;
    const state::Settings& settings_;
    state::EventBus& events_;
    std::function<NextMaildir()> walk_;
    std::chrono::days grace_{0}; // used by the current walk
    NextMaildir next_maildir_;   // of the current walk; null: the next one begins when the timer fires
    event::Timer timer_{*this};
    worker::Pending walking_;
    worker::Pending expiring_;
};

} // namespace buzon::upkeep
