#include "logging.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "buzon/files/start_files.h"
#include "buzon/jobs/jobs.h"

namespace buzon::server {

Logging::Logging(event::EventLoop& loop, keeper::Sockets& sockets, state::Metrics& metrics,
                 const config::Options& options, const state::Settings& settings)
    : settings_{settings}
    , file_{options.log_file}
    , writer_{loop, metrics, STDERR_FILENO, [this](const std::string& message) { warn(message); }}
    , log_{sink(loop, sockets, metrics, options.log_socket),
           state::LogOrigin{settings.host, static_cast<std::uint64_t>(::getpid())}}
    , events_{log_} {
    if (!file_.empty()) writer_.use(files::open_log(file_));
}

state::LogSink* Logging::sink(event::EventLoop& loop, keeper::Sockets& sockets, state::Metrics& metrics,
                              const std::string& socket) {
    if (socket.empty()) return &writer_;
    return &syslog_.emplace(loop, sockets, metrics, socket, [this](const std::string& message) { warn(message); });
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

void Logging::reopen(worker::Pool& disk) {
    if (file_.empty()) return warn("SIGUSR1: there is no log file to reopen (--log-file)");
    reopening_ =
        disk.submit(jobs::order(jobs::OpenLog{file_}), [this](worker::Answer answer) { reopened(std::move(answer)); });
}

void Logging::reopened(worker::Answer answer) {
    const auto said = jobs::read<jobs::OpenLog>(answer);
    std::string problem = said.why ? said.why.message() : said.answer.problem;
    if (problem.empty() && !answer.fd) problem = "a worker sent no file";
    if (!problem.empty()) return say(state::Level::error, "the log stays in the old file: " + problem);
    writer_.use(std::move(answer.fd));
    publish(state::EventType::config, {{"what", "log-file"}});
}

} // namespace buzon::server
