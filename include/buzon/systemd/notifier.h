// systemd/notifier.h - reports the server's state to the service manager (sd_notify(3)), without its library and
// without waiting for it.
#pragma once

#include <sys/un.h>

#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "buzon/event/event_loop.h"
#include "buzon/posix/unique_fd.h"
#include "buzon/systemd/handed.h"

namespace buzon::systemd {

// Does nothing if nobody listens. The keep-alive messages come from the loop's own timers: if the loop hangs, they
// stop, and the service manager restarts the server.
class Notifier final : private event::TimerHandler {
public:
    // `status`: returns one line about what the server is doing; called now and then.
    Notifier(event::EventLoop& loop, const Handed& handed, std::function<std::string()> status);
    Notifier(const Notifier&) = delete;
    Notifier& operator=(const Notifier&) = delete;

    // The server is serving; or a reload has ended, successfully or not.
    void ready();
    void reloading();
    void stopping(); // only the first call is reported

private:
    void on_timer(event::Timer& which) override;
    void begin_timers();
    void say(std::string message);
    void send_waiting();
    [[nodiscard]] bool send(const std::string& message) const noexcept;
    [[nodiscard]] socklen_t write_address(sockaddr_un& address) const noexcept;

    event::EventLoop& loop_;
    std::string path_;
    std::function<std::string()> status_;
    std::chrono::microseconds period_; // between two keep-alive messages
    bool watched_;
    posix::UniqueFd socket_;
    std::deque<std::string> waiting_; // messages that the manager's queue had no room for
    event::Timer pulse_{*this};
    event::Timer retry_{*this};
    bool begun_ = false;
    bool reloading_ = false;
    bool stopping_ = false;
};

} // namespace buzon::systemd
