// server/logging.h - carries a log line from its event to stderr, a file or a socket.
#pragma once

#include <optional>
#include <string>

#include "buzon/config/options.h"
#include "buzon/state/event_bus.h"
#include "buzon/state/log.h"
#include "buzon/upkeep/log_writer.h"
#include "buzon/upkeep/syslog_socket.h"
#include "buzon/worker/pool.h"

namespace buzon::server {

class Logging {
public:
    // Logs to the socket or the file given in `options`, else to stderr. Throws StartError if the file cannot be
    // opened.
    Logging(event::EventLoop& loop, keeper::Sockets& sockets, state::Metrics& metrics, const config::Options& options,
            const state::Settings& settings);
    Logging(const Logging&) = delete;
    Logging& operator=(const Logging&) = delete;

    [[nodiscard]] state::EventBus& events() noexcept { return events_; }
    // For events of the server as a whole, with the current time.
    void publish(state::EventType type, std::initializer_list<state::EventField> fields);
    void say(state::Level level, const std::string& message);
    void warn(const std::string& message) { say(state::Level::warning, message); }
    void settings_changed();
    // Reopens the log file (SIGUSR1) after logrotate has renamed it. On failure the log stays in the old file and says
    // so.
    void reopen(worker::Pool& disk);

private:
    [[nodiscard]] state::LogSink* sink(event::EventLoop& loop, keeper::Sockets& sockets, state::Metrics& metrics,
                                       const std::string& socket);

    void reopened(worker::Answer answer);

    const state::Settings& settings_;
    std::string file_; // of --log-file
    worker::Pending reopening_;
    upkeep::LogWriter writer_;
    std::optional<upkeep::SyslogSocket> syslog_; // instead of stderr
    state::Log log_;
    state::EventBus events_;
};

} // namespace buzon::server
