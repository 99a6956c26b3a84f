// daemon/search.h - SEARCH: slices of the maildrop, one after the other; where headers have to be read, by a worker.
#pragma once

#include <optional>
#include <span>

#include "buzon/daemon/task.h"
#include "buzon/daemon/visit.h"
#include "buzon/worker/pool.h"

namespace buzon::daemon {

class Search final : public Task {
public:
    Search(worker::Pool& disk, Visit& visit, TaskOwner& owner, pop3::Search wanted);

    [[nodiscard]] Step go_on(net::Stream& stream) override;
    [[nodiscard]] bool may_last() const override { return true; }
    [[nodiscard]] TaskView view() const override { return {"SEARCH"}; }

private:
    [[nodiscard]] Step next_slice(net::Stream& stream);
    [[nodiscard]] Step answered(const worker::Answer& answer, std::string& out);
    void found(std::span<const std::uint32_t> numbers, std::string& out);

    worker::Pool& disk_;
    Visit& visit_;
    TaskOwner& owner_;
    pop3::Search wanted_;
    mail::MessageNumber after_{0}; // the last message looked at
    bool begun_ = false;           // "+OK" has been said
    worker::Pending job_;
    std::optional<worker::Answer> answer_;
};

} // namespace buzon::daemon
