// systemd/notifier.h - tells the service manager how the server is (sd_notify(3)), without its library and without
// waiting for it.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "buzon/event/event_loop.h"
#include "buzon/posix/unique_fd.h"
#include "buzon/systemd/handed.h"

namespace buzon::systemd {

// Does nothing where nobody listens. The signs of life come from the loop's own timers: a loop that hangs gives none,
// and the service manager starts the server again.
class Notifier final : private event::TimerHandler {
public:
    // `status`: one line about what the server does, asked for now and then.
    Notifier(event::EventLoop& loop, const Handed& handed, std::function<std::string()> status);
    Notifier(const Notifier&) = delete;
    Notifier& operator=(const Notifier&) = delete;

    // It serves; or a reload has ended, well or not.
    void ready();
    void reloading();
    void stopping();

private:
    void on_timer(event::Timer& which) override;
    void begin_timers();
    void say(std::string message);
    void send_waiting();
    [[nodiscard]] bool connect();

    event::EventLoop& loop_;
    std::string path_;
    std::function<std::string()> status_;
    std::chrono::microseconds period_; // between two signs of life
    bool watched_;
    posix::UniqueFd socket_;
    std::deque<std::string> waiting_; // what the manager's queue had no room for
    event::Timer pulse_{*this};
    event::Timer retry_{*this};
    bool begun_ = false;
    bool reloading_ = false;
};

} // namespace buzon::systemd
