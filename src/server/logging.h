// server/logging.h - the way of a log line: from whoever says it through the events and the log to stderr or a socket.
#pragma once

#include <optional>
#include <string>

#include "buzon/config/options.h"
#include "buzon/state/event_bus.h"
#include "buzon/state/log.h"
#include "buzon/upkeep/log_writer.h"
#include "buzon/upkeep/syslog_socket.h"

namespace buzon::server {

class Logging {
public:
    // Of `options`, the socket: empty is stderr.
    Logging(event::EventLoop& loop, state::Metrics& metrics, const config::Options& options,
            const state::Settings& settings);
    Logging(const Logging&) = delete;
    Logging& operator=(const Logging&) = delete;

    [[nodiscard]] state::EventBus& events() noexcept { return events_; }
    // Of the server as a whole, now.
    void publish(state::EventType type, std::initializer_list<state::EventField> fields);
    void say(state::Level level, const std::string& message);
    void warn(const std::string& message) { say(state::Level::warning, message); }
    void settings_changed();

private:
    [[nodiscard]] state::LogSink* sink(event::EventLoop& loop, state::Metrics& metrics, const std::string& socket);

    const state::Settings& settings_;
    upkeep::LogWriter writer_;
    std::optional<upkeep::SyslogSocket> syslog_; // instead of stderr
    state::Log log_;
    state::EventBus events_;
};

} // namespace buzon::server
