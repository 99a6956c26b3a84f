// daemon/report.h - REPORT: what earlier sessions of this maildrop did, as a worker finds it on file.
#pragma once

#include <optional>

#include "buzon/daemon/reports.h"
#include "buzon/daemon/task.h"
#include "buzon/daemon/visit.h"

namespace buzon::daemon {

class Report final : public Task {
public:
    Report(Reports& reports, worker::Pool& disk, Visit& visit, TaskOwner& owner, std::uint32_t days);

    [[nodiscard]] Step go_on(net::Stream& stream) override;
    [[nodiscard]] TaskView view() const override { return {"REPORT"}; }

private:
    void read();

    Reports& reports_;
    worker::Pool& disk_;
    Visit& visit_;
    TaskOwner& owner_;
    std::int64_t since_; // Unix time
    // Sessions that ended before this command are in its reply.
    std::optional<Reports::Waiter> waiter_;
    bool all_down_ = false;
    worker::Pending job_;
    std::optional<worker::Answer> answer_;
};

// What REPORT will tell of this visit: noted when it ends, having begun so many seconds before.
void record_visit(Reports& reports, const Visit& visit, bool updated, std::int64_t seconds, std::uint64_t octets_sent);

} // namespace buzon::daemon
