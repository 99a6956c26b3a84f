// upkeep/reports.h - collects ended sessions and refused logins for REPORT. A worker writes them in batches, so that a
// session costs no job of its own. A kill -9 loses at most the last minute of records.
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

    // One REPORT that waits. Destroying it cancels the wait.
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
        bool last_ = false; // the write in progress covers everything that it waits for
    };

    // Does nothing if REPORT is switched off. Bounded: if there are too many maildrops at once or a disk hangs, records
    // are dropped.
    void note(const std::string& maildir, const posix::Ids& owner, const message::SessionRecord& record);
    // Whether everything noted so far for the waiter's maildrop has been written or dropped. If not, writing begins,
    // and the waiter is notified when it is done.
    [[nodiscard]] bool all_down(Waiter& waiter);
    // Writes all pending records, then calls `then`: for shutdown.
    void finish(std::function<void()> then);

private:
    struct Writing {
        std::uint64_t where = 0; // a file system; 0: any unknown one
        std::unordered_set<std::string> maildirs;
        worker::Pending job;
    };

    void on_timer(event::Timer&) override { write_all(); }
    void write_all();
    void write_one_by_one();
    [[nodiscard]] bool is_apart(const std::string& maildir) const;
    void write(jobs::SessionRecords records, std::uint64_t where);
    [[nodiscard]] std::size_t writes_to(std::uint64_t where) const;
    void written(std::list<Writing>::iterator done);
    [[nodiscard]] bool all_down_or_lost(Waiter& waiter);
    [[nodiscard]] bool under_way(const std::string& maildir) const;

    event::EventLoop& loop_;
    worker::Pool& disk_;
    const state::Settings& settings_;
    jobs::SessionRecords waiting_;
    std::unordered_map<std::string, posix::Ids> owners_; // of the maildrops in waiting_, if known
    std::size_t count_ = 0;                              // records in waiting_
    bool more_ = false;                                  // write_one_by_one() had to leave some records
    event::Timer timer_{*this};
    std::list<Writing> writings_; // no two for the same maildrop
    std::list<Waiter*> waiters_;
    std::list<Waiter*> ready_; // to be notified
    std::function<void()> when_written_;
};

} // namespace buzon::upkeep
