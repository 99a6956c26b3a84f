#include "buzon/daemon/reports.h"

#include <utility>

namespace buzon::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto pause_between_writes = 60s;
constexpr std::size_t write_at = 4096;   // records: no more wait for the pause to end
constexpr std::size_t most_records = 2 * write_at;

} // namespace

void Reports::note(const std::string& maildir, const mail::SessionRecord& record) {
    if (settings_.disable.contains(state::Pop3Command::report)) return;
    if (count_ >= most_records) return;
    std::vector<mail::SessionRecord>& of_maildir = waiting_[maildir];
    if (!of_maildir.empty() && of_maildir.back().merge(record)) return;
    of_maildir.push_back(record);
    ++count_;
    if (count_ >= write_at) return write();
    if (!timer_.armed()) timer_.arm(loop_.timers(), loop_.now() + pause_between_writes);
}

worker::Job Reports::reading(const std::string& maildir, std::int64_t since) {
    std::vector<mail::SessionRecord> records;
    if (auto node = waiting_.extract(maildir)) {
        records = std::move(node.mapped());
        count_ -= records.size();
    }
    return report_job(maildir, since, records);
}

void Reports::write() {
    if (writing_.waiting() || waiting_.empty()) return;
    timer_.disarm();
    const SessionRecords records = std::exchange(waiting_, {});
    count_ = 0;
    writing_ = disk_.submit(record_job(records), [this](worker::Answer) {
        writing_ = {};
        if (when_written_) return finish(std::exchange(when_written_, nullptr));
        if (count_ > 0) timer_.arm(loop_.timers(), loop_.now() + pause_between_writes);
    });
}

void Reports::finish(std::function<void()> then) {
    write();
    if (!writing_.waiting()) return then();
    when_written_ = std::move(then);
}

} // namespace buzon::daemon
