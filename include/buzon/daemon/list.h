// daemon/list.h - LIST and UIDL of a whole maildrop, sent while the session produces them, or from what another session
// produced.
#pragma once

#include <optional>

#include "buzon/daemon/listings.h"
#include "buzon/daemon/task.h"
#include "buzon/daemon/visit.h"

namespace buzon::daemon {

class List final : public Task {
public:
    List(Listings& listings, Visit& visit, const pop3::Produce& wanted);

    [[nodiscard]] Step go_on(net::Stream& stream) override;
    [[nodiscard]] TaskView view() const override { return {"list"}; }

private:
    [[nodiscard]] Step send(const net::FilePart& part, net::Stream& stream);
    [[nodiscard]] Step produce(net::Stream& stream);

    Visit& visit_;
    std::optional<ListingRun> shared_; // of a listing that others may share
};

} // namespace buzon::daemon
