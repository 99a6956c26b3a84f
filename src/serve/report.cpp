#include "report.h"

#include <ctime>

#include "buzon/jobs/jobs.h"

namespace buzon::serve {

Report::Report(upkeep::Reports& reports, worker::Pool& disk, login::Visit& visit, login::TaskOwner& owner,
               std::uint32_t days)
    : reports_{reports}
    , disk_{disk}
    , visit_{visit}
    , owner_{owner}
    , since_{std::time(nullptr) - std::int64_t{days} * 24 * 3600} {}

login::Step Report::go_on(net::Stream& stream) {
    if (answer_) {
        const auto said = jobs::read<jobs::Report>(*answer_);
        if (said.why)
            visit_.session.report_failed(stream.out());
        else
            visit_.session.report_follows(said.answer.lines, stream.out());
        return login::Step::done;
    }
    if (job_.waiting()) return login::Step::waits_for_worker;
    if (!waiter_) {
        waiter_.emplace(visit_.maildir, [this] {
            all_down_ = true;
            owner_.task_wakes();
        });
        all_down_ = reports_.all_down(*waiter_);
    }
    if (all_down_) read();
    return login::Step::waits_for_worker;
}

void Report::read() {
    job_ = disk_.submit(jobs::order_for(visit_.owner, jobs::Report{visit_.maildir, since_}),
                        [this](worker::Answer answer) {
                            answer_ = std::move(answer);
                            owner_.task_wakes();
                        });
}

void record_visit(upkeep::Reports& reports, const login::Visit& visit, bool updated, std::int64_t seconds,
                  std::uint64_t octets_sent) {
    message::SessionRecord record;
    const bool idle = visit.retrieved == 0 && visit.removed == 0;
    record.kind = idle ? message::SessionRecord::Kind::idle : message::SessionRecord::Kind::session;
    record.updated = updated;
    record.ended = std::time(nullptr);
    record.began = record.ended - seconds;
    record.retrieved = idle ? 1 : visit.retrieved;
    record.deleted = visit.removed;
    record.octets_sent = octets_sent;
    record.from = visit.client.address.ip.text();
    if (visit.label) record.label = *visit.label;
    reports.note(visit.maildir, visit.owner, record);
}

} // namespace buzon::serve
