// upkeep/syslog_socket.h - sends log lines to a syslog daemon's unix socket (--log-socket) without ever waiting for it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "buzon/event/event_loop.h"
#include "buzon/keeper/sockets.h"
#include "buzon/posix/unique_fd.h"
#include "buzon/state/log.h"
#include "buzon/state/metrics.h"

namespace buzon::upkeep {

// Sends one datagram per line. While the daemon is slow or away (restarting it creates a new socket at the same path),
// lines are queued up to a limit; beyond it they are dropped and counted.
class SyslogSocket final : public state::LogSink,
                           private event::Task,
                           private event::Handler,
                           private event::TimerHandler {
public:
    // Logs that the daemon went away or came back, and how many lines were lost meanwhile.
    using Tell = std::function<void(const std::string& message)>;

    // `path`: 1 to 107 octets. Connects at once, and waits for the result. write() never calls `tell` itself.
    SyslogSocket(event::EventLoop& loop, keeper::Sockets& sockets, state::Metrics& metrics, std::string path,
                 Tell tell);
    ~SyslogSocket() override;

    void write(std::string_view line) override;

private:
    void run() override { flush(); }
    void on_ready(std::uint32_t events) override;
    void on_timer(event::Timer&) override { flush(); }

    void flush();
    void connect();
    void connected(posix::Result<posix::UniqueFd> socket);
    // Sends what the daemon accepts now. False: some lines remain, and a watch, a timer or a request will retry.
    [[nodiscard]] bool send_waiting();
    void lose(std::error_code why);
    void drop();
    void tell_of_dropped();

    event::EventLoop& loop_;
    keeper::Sockets& sockets_;
    state::Metrics& metrics_;
    std::string path_;
    Tell tell_;
    posix::UniqueFd socket_; // none while the daemon is away
    bool fresh_ = false;     // a new connection that has sent nothing yet
    std::unique_ptr<keeper::Request> connecting_;
    event::Watch watch_; // while the daemon's queue is full
    event::Timer retry_{*this};
    std::string waiting_; // lines with their ends
    std::size_t dropped_ = 0;
    bool away_ = false; // and this has been logged
};

} // namespace buzon::upkeep
