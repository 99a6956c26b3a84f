// serve/list.h - LIST and UIDL of a whole maildrop: sent while the session produces them, or from the cache of
// listings.
#pragma once

#include <optional>

#include "buzon/login/task.h"
#include "buzon/login/visit.h"
#include "buzon/serve/listings.h"

namespace buzon::serve {

class List final : public login::Task {
public:
    List(Listings& listings, login::Visit& visit, const pop3::Produce& wanted);

    [[nodiscard]] login::Step go_on(net::Stream& stream) override;
    [[nodiscard]] login::TaskView view() const override { return {"list"}; }

private:
    [[nodiscard]] login::Step send(const net::FilePart& part, net::Stream& stream);
    [[nodiscard]] login::Step produce(net::Stream& stream);

    login::Visit& visit_;
    std::optional<ListingRun> shared_; // for a listing that others can share
};

} // namespace buzon::serve
