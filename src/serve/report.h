// serve/report.h - REPORT: lists what earlier sessions of this maildrop did; a worker reads the records.
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
    // Waits until the sessions that ended before this command have been recorded, so that the reply includes them.
    std::optional<upkeep::Reports::Waiter> waiter_;
    bool all_down_ = false;
    worker::Pending job_;
    std::optional<worker::Answer> answer_;
};

// Records what REPORT will say about this visit. Call it when the visit ends; it began this many seconds ago.
void record_visit(upkeep::Reports& reports, const login::Visit& visit, bool updated, std::int64_t seconds,
                  std::uint64_t octets_sent);

} // namespace buzon::serve
