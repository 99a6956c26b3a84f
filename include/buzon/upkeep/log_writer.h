// upkeep/log_writer.h - writes log lines to standard error or a file without ever waiting for a reader.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "buzon/event/event_loop.h"
#include "buzon/posix/unique_fd.h"
#include "buzon/state/log.h"
#include "buzon/state/metrics.h"

namespace buzon::upkeep {

// Lines are written at the end of the turn. While the reader of a pipe or terminal is slow, lines are queued up to a
// limit; beyond it they are dropped and counted, and `tell` is called with a log message that gives the count.
class LogWriter final : public state::LogSink, private event::Task, private event::TimerHandler {
public:
    LogWriter(event::EventLoop& loop, state::Metrics& metrics, int fd, std::function<void(const std::string&)> tell);
    // Writes to this file from now on. Queued lines still go to the old one if it takes them without blocking; any
    // others go here.
    void use(posix::UniqueFd file);
    ~LogWriter() override;

    void write(std::string_view line) override;
    // Writes as much as possible without blocking; the rest stays queued.
    void flush();

private:
    void run() override { flush(); }
    void on_timer(event::Timer&) override { flush(); }

    event::EventLoop& loop_;
    state::Metrics& metrics_;
    int fd_;
    posix::UniqueFd file_; // if we own fd_
    std::function<void(const std::string&)> tell_;
    event::Timer retry_{*this};
    std::string waiting_;
    std::size_t dropped_ = 0;
};

} // namespace buzon::upkeep
