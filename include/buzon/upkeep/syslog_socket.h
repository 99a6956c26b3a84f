// upkeep/syslog_socket.h - log lines to a syslog daemon's unix socket (--log-socket), without ever waiting for it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <system_error>

#include "buzon/event/event_loop.h"
#include "buzon/net/address.h"
#include "buzon/posix/unique_fd.h"
#include "buzon/state/log.h"
#include "buzon/state/metrics.h"

namespace buzon::upkeep {

// One datagram a line. While the daemon is slow, or away (its restart makes a new socket at the same path), lines are
// kept up to a bound; beyond it they are dropped and counted.
class SyslogSocket final : public state::LogSink,
                           private event::Task,
                           private event::Handler,
                           private event::TimerHandler {
public:
    // Puts a line into the log: that the daemon went or came back, and how many lines were lost meanwhile.
    using Tell = std::function<void(const std::string& message)>;

    // `path`: 1 to 107 octets. Nothing is connected before the first line. `tell` is never called by write() itself.
    SyslogSocket(event::EventLoop& loop, state::Metrics& metrics, std::string path, Tell tell);
    ~SyslogSocket() override;

    void write(std::string_view line) override;

private:
    void run() override { flush(); }
    void on_ready(std::uint32_t events) override;
    void on_timer(event::Timer&) override { flush(); }

    void flush();
    [[nodiscard]] bool connect();
    // Sends what the daemon takes now. False: some lines stay, and something is armed that comes back to them.
    [[nodiscard]] bool send_waiting();
    bool lose(std::error_code why); // always false
    void drop();
    void tell_of_dropped();

    event::EventLoop& loop_;
    state::Metrics& metrics_;
    std::string path_;
    net::SocketAddress address_;
    Tell tell_;
    posix::UniqueFd socket_; // none while the daemon is away
    event::Watch watch_;     // while its queue is full
    event::Timer retry_{*this};
    std::string waiting_; // lines with their ends
    std::size_t dropped_ = 0;
    bool away_ = false; // and said so
};

} // namespace buzon::upkeep
