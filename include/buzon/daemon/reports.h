// daemon/reports.h - what REPORT tells: ended sessions and refused logins, collected here and put down by a worker now and
// then, so that a session costs no job of its own. A kill -9 loses the last minute of it, and nothing else.
#pragma once

#include <functional>
#include <string>

#include "buzon/daemon/jobs.h"
#include "buzon/event/event_loop.h"
#include "buzon/mail/report.h"
#include "buzon/state/settings.h"
#include "buzon/worker/pool.h"

namespace buzon::daemon {

class Reports final : private event::TimerHandler {
public:
    Reports(event::EventLoop& loop, worker::Pool& disk, const state::Settings& settings)
        : loop_{loop}, disk_{disk}, settings_{settings} {}
    Reports(const Reports&) = delete;
    Reports& operator=(const Reports&) = delete;

    // Nothing where REPORT is switched off. Bounded: with too many maildrops at once, or a disk that hangs, records go.
    void note(const std::string& maildir, const mail::SessionRecord& record);
    // The job that answers REPORT; what is still here of this maildrop goes with it.
    [[nodiscard]] worker::Job reading(const std::string& maildir, std::int64_t since);
    // Puts down what there is, then calls `then`: for the end of the server.
    void finish(std::function<void()> then);

private:
    void on_timer(event::Timer&) override { write(); }
    void write();

    event::EventLoop& loop_;
    worker::Pool& disk_;
    const state::Settings& settings_;
    SessionRecords waiting_;
    std::size_t count_ = 0;   // records in waiting_
    event::Timer timer_{*this};
    worker::Pending writing_;
    std::function<void()> when_written_;
};

} // namespace buzon::daemon
