// login/delay_keeper.h - when users logged in last, kept beyond the end of the process (--state): a restart does not
// cut their login delay short.
#pragma once

#include <string>
#include <string_view>

#include "buzon/event/event_loop.h"
#include "buzon/login/logins.h"
#include "buzon/state/event_bus.h"
#include "buzon/worker/pool.h"

namespace buzon::login {

// Writes some seconds of logins at once: a process that is killed forgets the last of them.
class DelayKeeper final : private event::TimerHandler {
public:
    // directory: of --state; empty: nothing is kept.
    DelayKeeper(event::EventLoop& loop, worker::Pool& disk, const state::Settings& settings, LoginDelays& delays,
                state::EventBus& events, const std::string& directory);
    DelayKeeper(const DelayKeeper&) = delete;
    DelayKeeper& operator=(const DelayKeeper&) = delete;

    // At the start and at the end, when the loop does not turn: these wait for the disk.
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
    std::string path_; // empty: nothing is kept
    event::Timer timer_{*this};
    worker::Pending saving_;
    bool unsaved_ = false;
    bool save_fails_ = false;
};

} // namespace buzon::login
