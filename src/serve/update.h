// serve/update.h - QUIT: the messages marked as deleted are removed by a worker, then the reply is said. It goes on to
// its end though the client may have left: what has begun is finished, and the maildrop stays locked until then.
#pragma once

#include <optional>

#include "buzon/login/task.h"
#include "buzon/login/visit.h"
#include "buzon/serve/update_order.h"

namespace buzon::serve {

class Update final : public login::Task {
public:
    Update(UpdateNeeds& needs, login::Visit& visit, login::TaskOwner& owner);

    [[nodiscard]] login::Step go_on(net::Stream& stream) override; // waits for no client
    [[nodiscard]] bool client_gone() override { return true; }
    [[nodiscard]] login::TaskView view() const override { return {"QUIT"}; }

private:
    [[nodiscard]] login::Step order_on(std::string& out);
    [[nodiscard]] login::Step updated(const worker::Answer& answer, std::string& out);
    [[nodiscard]] login::Step finish(std::string& out);

    UpdateNeeds& needs_;
    login::Visit& visit_;
    login::TaskOwner& owner_;
    std::optional<UpdateOrder> order_; // until it is on its way
    worker::Pending job_;
    std::optional<worker::Answer> answer_;
    std::uint32_t left_ = 0; // messages that were not removed
    login::Locks::Waiter freed_{[this] { owner_.task_wakes(); }};
    bool updated_ = false;
};

} // namespace buzon::serve
