// serve/update.h - QUIT: a worker removes the messages marked as deleted, then the reply is sent. The update completes
// even if the client has gone, and the maildrop stays locked until then.
#pragma once

#include <optional>

#include "buzon/login/task.h"
#include "buzon/login/visit.h"
#include "buzon/serve/update_order.h"

namespace buzon::serve {

class Update final : public login::Task {
public:
    Update(UpdateNeeds& needs, login::Visit& visit, login::TaskOwner& owner);

    [[nodiscard]] login::Step go_on(net::Stream& stream) override; // never waits for the client
    [[nodiscard]] bool client_gone() override { return true; }
    [[nodiscard]] login::TaskView view() const override { return {"QUIT"}; }

private:
    [[nodiscard]] login::Step order_on(std::string& out);
    [[nodiscard]] login::Step updated(const worker::Answer& answer, std::string& out);
    [[nodiscard]] login::Step finish(std::string& out);

    UpdateNeeds& needs_;
    login::Visit& visit_;
    login::TaskOwner& owner_;
    std::optional<UpdateOrder> order_; // until it is submitted
    worker::Pending job_;
    std::optional<worker::Answer> answer_;
    std::uint32_t left_ = 0; // messages that could not be removed
    login::Locks::Waiter freed_{[this] { owner_.task_wakes(); }};
    bool updated_ = false;
};

} // namespace buzon::serve
