#include "logging.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

namespace buzon::server {

Logging::Logging(event::EventLoop& loop, state::Metrics& metrics, const config::Options& options,
                 const state::Settings& settings)
    : settings_{settings}
    , writer_{loop, metrics, STDERR_FILENO, [this](const std::string& message) { warn(message); }}
    , log_{sink(loop, metrics, options.log_socket),
           state::LogOrigin{settings.host, static_cast<std::uint64_t>(::getpid())}}
    , events_{log_} {}

state::LogSink* Logging::sink(event::EventLoop& loop, state::Metrics& metrics, const std::string& socket) {
    if (socket.empty()) return &writer_;
    return &syslog_.emplace(loop, metrics, socket, [this](const std::string& message) { warn(message); });
}

void Logging::publish(state::EventType type, std::initializer_list<state::EventField> fields) {
    events_.publish(type, std::chrono::system_clock::now(), 0, "", fields);
}

void Logging::say(state::Level level, const std::string& message) {
    events_.log(level, std::chrono::system_clock::now(), message);
}

void Logging::settings_changed() {
    log_.set_level(settings_.verbose ? std::max(settings_.log_level, state::Level::debug) : settings_.log_level);
    log_.set_format(syslog_ ? state::LogFormat::syslog : settings_.log_format);
    log_.set_host(settings_.host);
}

} // namespace buzon::server
