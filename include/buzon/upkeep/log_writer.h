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
// limit. Beyond it they are dropped and counted, and so are lines that cannot be written (a full disk, a reader that
// has gone). As soon as lines can be written again, `tell` is called with a log message that gives the count.
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
    void lose_waiting(int why);
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
    int failure_ = 0;    // why some of them could not be written; 0: there was no room for them
    bool begun_ = false; // what was written last ends within a line, and waiting_ has the rest of it
    bool torn_ = false;  // the same, but the rest is lost
};

} // namespace buzon::upkeep
