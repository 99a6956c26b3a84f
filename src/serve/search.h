// serve/search.h - SEARCH: goes through the maildrop in slices; a worker reads headers if needed.
#pragma once

#include <optional>
#include <span>

#include "buzon/login/task.h"
#include "buzon/login/visit.h"
#include "buzon/worker/pool.h"

namespace buzon::serve {

class Search final : public login::Task {
public:
    Search(worker::Pool& disk, login::Visit& visit, login::TaskOwner& owner, pop3::Search wanted);

    [[nodiscard]] login::Step go_on(net::Stream& stream) override;
    [[nodiscard]] bool may_last() const override { return true; }
    [[nodiscard]] login::TaskView view() const override { return {"SEARCH"}; }

private:
    [[nodiscard]] login::Step next_slice(net::Stream& stream);
    [[nodiscard]] login::Step answered(const worker::Answer& answer, std::string& out);
    void found(std::span<const std::uint32_t> numbers, std::string& out);

    worker::Pool& disk_;
    login::Visit& visit_;
    login::TaskOwner& owner_;
    pop3::Search wanted_;
    message::MessageNumber after_{0}; // the last message examined
    bool begun_ = false;              // "+OK" has been sent
    worker::Pending job_;
    std::optional<worker::Answer> answer_;
};

} // namespace buzon::serve
