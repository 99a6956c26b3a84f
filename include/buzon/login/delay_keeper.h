// login/delay_keeper.h - saves the time of each user's last login (--state), so that a restart does not shorten login
// delays.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "buzon/event/event_loop.h"
#include "buzon/login/logins.h"
#include "buzon/upkeep/state_file.h"

namespace buzon::login {

// Saves the logins of a few seconds at a time. If the process is killed, the last few are lost.
class DelayKeeper final : private event::TimerHandler {
public:
    // directory: the one given by --state; if empty, nothing is saved.
    DelayKeeper(event::EventLoop& loop, worker::Pool& disk, const state::Settings& settings, LoginDelays& delays,
                state::EventBus& events, const std::string& directory);
    DelayKeeper(const DelayKeeper&) = delete;
    DelayKeeper& operator=(const DelayKeeper&) = delete;

    [[nodiscard]] const upkeep::StateFile& file() const noexcept { return file_; }
    // Whether the saved logins matter: there is a login delay.
    [[nodiscard]] bool wanted() const noexcept { return file_.kept() && settings_.login_delay.count() != 0; }
    // Restores the logins from the content of the file. False: it is not a list of logins.
    [[nodiscard]] bool restore(std::string_view text);
    void begin();
    // For shutdown: a worker writes what is unsaved, then `then` is called.
    void finish(std::function<void()> then);

private:
    void on_timer(event::Timer&) override { save(); }
    void changed();
    void save();
    [[nodiscard]] std::string text() const;

    event::EventLoop& loop_;
    const state::Settings& settings_;
    LoginDelays& delays_;
    upkeep::StateFile file_;
    event::Timer timer_{*this};
    bool unsaved_ = false;
};

} // namespace buzon::login
