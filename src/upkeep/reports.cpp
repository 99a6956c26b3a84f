#include "buzon/upkeep/reports.h"

#include <algorithm>
#include <map>
#include <new>
#include <utility>

#include "buzon/event/memory.h"

namespace buzon::upkeep {
namespace {

using namespace std::chrono_literals;

constexpr auto pause_between_writes = 60s;
constexpr std::size_t write_at = 4096; // records: write at once rather than wait for the pause to end
constexpr std::size_t max_records = 2 * write_at;
// Simultaneous jobs, counting those for a single maildrop: few, because each may need a worker of its own, and logins
// need workers too.
constexpr std::size_t max_at_once = 8;

} // namespace

Reports::Waiter::~Waiter() {
    if (!owner_) return;
    std::erase(owner_->waiters_, this);
    std::erase(owner_->ready_, this);
}

void Reports::note(const std::string& maildir, const posix::Ids& owner, const message::SessionRecord& record) {
    if (settings_.disable.contains(state::Pop3Command::report)) return;
    if (count_ >= max_records) return;
    if (disk_.by_owner() && owner != posix::Ids{}) owners_[maildir] = owner;
    std::vector<message::SessionRecord>& of_maildir = waiting_[maildir];
    if (!of_maildir.empty() && of_maildir.back().merge(record)) return;
    of_maildir.push_back(record);
    ++count_;
    if (count_ == write_at) write_all();
    if (!timer_.armed()) timer_.arm(loop_.timers(), loop_.now() + pause_between_writes);
}

bool Reports::all_down(Waiter& waiter) {
    const bool writing = under_way(waiter.maildir_);
    jobs::SessionRecords records;
    // Two writers of one file would mix up the order, so the write in progress finishes first.
    if (!waiting_.contains(waiter.maildir_)) {
        waiter.last_ = true;
    } else if (!writing) {
        auto node = waiting_.extract(waiter.maildir_);
        count_ -= node.mapped().size();
        records.insert(std::move(node));
    }
    if (!writing && records.empty()) return true;
    waiter.owner_ = this;
    waiters_.push_back(&waiter);
    if (!records.empty()) {
        waiter.last_ = true;
        write(std::move(records), disk_.where(waiter.maildir_));
    }
    return false;
}

// Whether this is a maildrop that not every worker can write to, as far as is known.
bool Reports::is_apart(const std::string& maildir) const {
    return disk_.by_owner() || disk_.alone(maildir, {});
}

// One job per file system, so that a file system that hangs delays only its own records.
void Reports::write_all() {
    std::map<std::uint64_t, jobs::SessionRecords> by_place;
    for (auto at = waiting_.begin(); at != waiting_.end();) {
        const std::uint64_t where = disk_.where(at->first);
        const auto here = at++;
        if (is_apart(here->first) || writes_to(where) > 0) continue;
        jobs::SessionRecords& records = by_place[where]; // first: it may throw
        count_ -= here->second.size();
        records.insert(waiting_.extract(here));
    }
    for (auto& [where, records] : by_place) write(std::move(records), where);
    write_one_by_one();
    if (waiting_.empty()) timer_.disarm();
}

// Writes the maildrops that are apart, one job each. The rest follow when one of these jobs is done.
void Reports::write_one_by_one() {
    more_ = false;
    for (auto at = waiting_.begin(); at != waiting_.end();) {
        const auto here = at++;
        if (!is_apart(here->first)) continue;
        const std::uint64_t where = disk_.where(here->first);
        if (writings_.size() >= max_at_once || under_way(here->first) || writes_to(where) >= max_at_once / 2) {
            more_ = true;
            continue;
        }
        count_ -= here->second.size();
        jobs::SessionRecords one;
        one.insert(waiting_.extract(here));
        write(std::move(one), where);
    }
}

std::size_t Reports::writes_to(std::uint64_t where) const {
    return static_cast<std::size_t>(
        std::count_if(writings_.begin(), writings_.end(), [&](const Writing& one) { return one.where == where; }));
}

void Reports::write(jobs::SessionRecords records, std::uint64_t where) {
    const auto at = writings_.emplace(writings_.end());
    const auto begin = [&] {
        at->where = where;
        for (const auto& [maildir, of_maildir] : records) at->maildirs.insert(maildir);
        const std::string maildir = records.begin()->first;
        worker::Job job = jobs::order(jobs::Record{std::move(records)});
        job.where = where;
        if (is_apart(maildir)) job.place = maildir;
        if (const auto owner = owners_.extract(maildir); !owner.empty()) job.owner = owner.mapped();
        at->job = disk_.submit(job, [this, at](worker::Answer) { written(at); });
    };
    event::guarded(begin, [&] {
        writings_.erase(at); // or waiters would wait for it forever
        throw std::bad_alloc{};
    });
}

// Must work even without memory, so that every waiter is notified.
void Reports::written(std::list<Writing>::iterator done) {
    const std::unordered_set<std::string> maildirs = std::move(done->maildirs);
    writings_.erase(done);
    std::list<Waiter*> waited;
    waited.swap(waiters_);
    while (!waited.empty()) {
        Waiter& waiter = *waited.front();
        bool ready = false;
        if (maildirs.contains(waiter.maildir_)) {
            if (!waiter.last_ && under_way(waiter.maildir_))
                waiter.last_ = true; // another waiter has just started that write
            else
                ready = waiter.last_ || all_down_or_lost(waiter);
        }
        std::erase(waiters_, &waiter); // all_down() may have added it
        (ready ? ready_ : waiters_).splice(ready ? ready_.end() : waiters_.end(), waited, waited.begin());
    }
    event::guarded(
        [&] {
            if (count_ >= write_at || when_written_ || more_) write_all();
        },
        [] {});
    if (count_ > 0 && !timer_.armed())
        event::guarded([&] { timer_.arm(loop_.timers(), loop_.now() + pause_between_writes); }, [] {});
    if (when_written_ && writings_.empty()) std::exchange(when_written_, nullptr)();
    while (!ready_.empty()) {
        Waiter* const waiter = ready_.front();
        ready_.pop_front();
        waiter->owner_ = nullptr;
        std::exchange(waiter->then_, nullptr)(); // this may destroy the waiter
    }
}

bool Reports::all_down_or_lost(Waiter& waiter) {
    bool down = true;
    event::guarded([&] { down = all_down(waiter); }, [] {});
    return down;
}

bool Reports::under_way(const std::string& maildir) const {
    return std::any_of(writings_.begin(), writings_.end(),
                       [&](const Writing& one) { return one.maildirs.contains(maildir); });
}

void Reports::finish(std::function<void()> then) {
    write_all();
    if (writings_.empty()) return then();
    when_written_ = std::move(then);
}

} // namespace buzon::upkeep
