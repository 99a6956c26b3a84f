// upkeep/reports.h - what REPORT tells: ended sessions and refused logins, collected here and put down by a worker now
// and then, so that a session costs no job of its own. A kill -9 loses the last minute of it, and nothing else.
#pragma once

#include <functional>
#include <list>
#include <string>
#include <unordered_set>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/jobs/jobs.h"
#include "buzon/message/session_record.h"
#include "buzon/state/settings.h"
#include "buzon/worker/pool.h"

namespace buzon::upkeep {

class Reports final : private event::TimerHandler {
public:
    Reports(event::EventLoop& loop, worker::Pool& disk, const state::Settings& settings)
        : loop_{loop}, disk_{disk}, settings_{settings} {}
    Reports(const Reports&) = delete;
    Reports& operator=(const Reports&) = delete;

    // The wait of one REPORT; destroying it gives it up.
    class Waiter {
    public:
        Waiter(std::string maildir, std::function<void()> then)
            : maildir_{std::move(maildir)}, then_{std::move(then)} {}
        Waiter(const Waiter&) = delete;
        Waiter& operator=(const Waiter&) = delete;
        ~Waiter();

    private:
        friend class Reports;
        std::string maildir_;
        std::function<void()> then_;
        Reports* owner_ = nullptr;
        bool last_ = false; // what is being put down now is all that it waits for
    };

    // Nothing where REPORT is switched off. Bounded: with too many maildrops at once, or a disk that hangs, records go.
    void note(const std::string& maildir, const message::SessionRecord& record);
    // Whether all that was noted of the waiter's maildrop until now is in its file, or lost. Otherwise it is put down,
    // and the waiter hears when that is done.
    [[nodiscard]] bool all_down(Waiter& waiter);
    // Puts down what there is, then calls `then`: for the end of the server.
    void finish(std::function<void()> then);

private:
    struct Writing {
        std::uint64_t where = 0; // one file system, or all that nobody knows
        std::unordered_set<std::string> maildirs;
        worker::Pending job;
    };

    void on_timer(event::Timer&) override { write_all(); }
    void write_all();
    void write(jobs::SessionRecords records, std::uint64_t where);
    [[nodiscard]] bool writes_to(std::uint64_t where) const;
    void written(std::list<Writing>::iterator done);
    [[nodiscard]] bool all_down_or_lost(Waiter& waiter);
    [[nodiscard]] bool under_way(const std::string& maildir) const;

    event::EventLoop& loop_;
    worker::Pool& disk_;
    const state::Settings& settings_;
    jobs::SessionRecords waiting_;
    std::size_t count_ = 0; // records in waiting_
    event::Timer timer_{*this};
    std::list<Writing> writings_; // none of a maildrop that another one is about
    std::list<Waiter*> waiters_;
    std::list<Waiter*> ready_; // about to hear
    std::function<void()> when_written_;
};

} // namespace buzon::upkeep
