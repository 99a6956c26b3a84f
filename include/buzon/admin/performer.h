// admin/performer.h - carries out what a manager's session asks for.
#pragma once

#include <functional>
#include <optional>

#include "buzon/auth/source.h"
#include "buzon/event/timers.h"
#include "buzon/manage/action.h"
#include "buzon/worker/pool.h"

namespace buzon::admin {

class Performer {
public:
    using OnDone = std::function<void(manage::Outcome)>;

    // When an action requested at `since` may be performed, because password guesses are delayed. Ask again at that
    // time.
    [[nodiscard]] virtual event::Instant
    not_before(const manage::Action& action, const std::optional<auth::Source>& from, event::Instant since) const = 0;
    // from: where the manager is, std::nullopt for a unix socket. Calls `done` once: at once, or later, in which case
    // `pending` is waiting and may be dropped.
    virtual void perform(const manage::Action& action, const std::optional<auth::Source>& from,
                         worker::Pending& pending, OnDone done) = 0;

protected:
    ~Performer() = default;
};

} // namespace buzon::admin
