// login/delay_keeper.h - saves the time of each user's last login (--state), so that a restart does not shorten login
// delays.
#pragma once

#include <string>
#include <string_view>

#include "buzon/event/event_loop.h"
#include "buzon/login/logins.h"
#include "buzon/state/event_bus.h"
#include "buzon/worker/pool.h"

namespace buzon::login {

// Saves several seconds of logins at a time. If the process is killed, the last few are lost.
class DelayKeeper final : private event::TimerHandler {
public:
    // directory: the one given by --state; if empty, nothing is saved.
    DelayKeeper(event::EventLoop& loop, worker::Pool& disk, const state::Settings& settings, LoginDelays& delays,
                state::EventBus& events, const std::string& directory);
    DelayKeeper(const DelayKeeper&) = delete;
    DelayKeeper& operator=(const DelayKeeper&) = delete;

    // Called at startup and shutdown, when the loop is not running. Both may block on disk I/O.
    void begin();
    void finish();

private:
    void on_timer(event::Timer&) override { save(); }
    void changed();
    void save();
    [[nodiscard]] std::string text() const;
    void tell_of_save(std::error_code why);
    void warn(const std::string& message);

    event::EventLoop& loop_;
    worker::Pool& disk_;
    const state::Settings& settings_;
    LoginDelays& delays_;
    state::EventBus& events_;
    std::string path_; // empty: nothing is saved
    event::Timer timer_{*this};
    worker::Pending saving_;
    bool unsaved_ = false;
    bool save_fails_ = false;
};

} // namespace buzon::login
