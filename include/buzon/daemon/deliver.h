// daemon/deliver.h - RETR and TOP: a message on its way to the client.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "buzon/daemon/delivery.h"
#include "buzon/daemon/task.h"
#include "buzon/daemon/visit.h"

namespace buzon::daemon {

//   opening ── the delivery is ready: "+OK" ──► sending ── its last octet is in the output ──► leaving ── sent ──► done
//      └── refused: "-ERR", done                   └── broken: cut, without the final "." line
class Deliver final : public Task {
public:
    Deliver(DeliveryNeeds& needs, Visit& visit, TaskOwner& owner, const pop3::Deliver& wanted);

    [[nodiscard]] Step go_on(net::Stream& stream) override;
    [[nodiscard]] bool may_last() const override { return delivery_ && !delivery_->program().empty(); }
    [[nodiscard]] TaskView view() const override;

private:
    enum class State : std::uint8_t { opening, sending, leaving };

    [[nodiscard]] Step open(net::Stream& stream);
    [[nodiscard]] Step send(net::Stream& stream);
    [[nodiscard]] Step leave(net::Stream& stream);
    void delivered(std::uint64_t octets);

    DeliveryNeeds& needs_;
    Visit& visit_;
    State state_ = State::opening;
    bool whole_; // a RETR, not a TOP
    event::Instant began_ = event::Clock::now();
    std::optional<std::uint64_t> began_at_; // octets that were sent, or on their way, before this reply
    std::optional<std::uint64_t> size_;
    std::unique_ptr<Delivery> delivery_; // none while leaving
};

} // namespace buzon::daemon
