// serve/report.h - REPORT: tells what earlier sessions of this maildrop did, as read by a worker.
#pragma once

#include <optional>

#include "buzon/login/task.h"
#include "buzon/login/visit.h"
#include "buzon/upkeep/reports.h"

namespace buzon::serve {

class Report final : public login::Task {
public:
    Report(upkeep::Reports& reports, worker::Pool& disk, login::Visit& visit, login::TaskOwner& owner,
           std::uint32_t days);

    [[nodiscard]] login::Step go_on(net::Stream& stream) override;
    [[nodiscard]] login::TaskView view() const override { return {"REPORT"}; }

private:
    void read();

    upkeep::Reports& reports_;
    worker::Pool& disk_;
    login::Visit& visit_;
    login::TaskOwner& owner_;
    std::int64_t since_; // Unix time
    // The reply includes sessions that ended before this command.
    std::optional<upkeep::Reports::Waiter> waiter_;
    bool all_down_ = false;
    worker::Pending job_;
    std::optional<worker::Answer> answer_;
};

// What REPORT will say about this visit, recorded when it ends; it began this many seconds ago.
void record_visit(upkeep::Reports& reports, const login::Visit& visit, bool updated, std::int64_t seconds,
                  std::uint64_t octets_sent);

} // namespace buzon::serve
