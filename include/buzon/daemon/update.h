// daemon/update.h - QUIT: the messages marked as deleted are removed by a worker, then the reply is said. It goes on to
// its end though the client may have left: what has begun is finished, and the maildrop stays locked until then.
#pragma once

#include <optional>

#include "buzon/daemon/task.h"
#include "buzon/daemon/update_order.h"
#include "buzon/daemon/visit.h"

namespace buzon::daemon {

class Update final : public Task {
public:
    Update(UpdateNeeds& needs, Visit& visit, TaskOwner& owner);

    [[nodiscard]] Step go_on(net::Stream& stream) override; // waits for no client
    [[nodiscard]] bool client_gone() override { return true; }
    [[nodiscard]] TaskView view() const override { return {"QUIT"}; }

private:
    [[nodiscard]] Step order_on(std::string& out);
    [[nodiscard]] Step updated(const worker::Answer& answer, std::string& out);
    [[nodiscard]] Step finish(std::string& out);

    UpdateNeeds& needs_;
    Visit& visit_;
    TaskOwner& owner_;
    std::optional<UpdateOrder> order_; // until it is on its way
    worker::Pending job_;
    std::optional<worker::Answer> answer_;
    std::uint32_t left_ = 0; // messages that were not removed
    Locks::Waiter freed_{[this] { owner_.task_wakes(); }};
    bool updated_ = false;
};

} // namespace buzon::daemon
