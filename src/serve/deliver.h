// serve/deliver.h - RETR and TOP: sends a message to the client.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "buzon/login/task.h"
#include "buzon/login/visit.h"
#include "buzon/serve/delivery.h"

namespace buzon::serve {

//   opening ── the delivery is ready: "+OK" ──► sending ── its last octet is in the output ──► leaving ── sent ──► done
//      └── refused: "-ERR", done                   └── broken: cut, without the final "." line
class Deliver final : public login::Task {
public:
    Deliver(DeliveryNeeds& needs, login::Visit& visit, login::TaskOwner& owner, const pop3::Deliver& wanted);

    [[nodiscard]] login::Step go_on(net::Stream& stream) override;
    [[nodiscard]] bool may_last() const override { return delivery_ && !delivery_->program().empty(); }
    [[nodiscard]] login::TaskView view() const override;

private:
    enum class State : std::uint8_t { opening, sending, leaving };

    [[nodiscard]] login::Step open(net::Stream& stream);
    [[nodiscard]] login::Step send(net::Stream& stream);
    [[nodiscard]] login::Step leave(net::Stream& stream);
    void delivered(std::uint64_t octets);

    DeliveryNeeds& needs_;
    login::Visit& visit_;
    State state_ = State::opening;
    bool whole_; // a RETR, not a TOP
    event::Instant began_ = event::Clock::now();
    std::optional<std::uint64_t> began_at_; // octets sent or queued before this reply
    std::optional<std::uint64_t> size_;
    std::unique_ptr<Delivery> delivery_; // null while leaving
};

} // namespace buzon::serve
