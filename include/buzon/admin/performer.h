// admin/performer.h - who carries out what a manager's session asks for.
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

    // When an action that was asked for at `since` may be performed: guesses wait. To be asked again then.
    [[nodiscard]] virtual event::Instant
    not_before(const manage::Action& action, const std::optional<auth::Source>& from, event::Instant since) const = 0;
    // from: where the manager is, nothing on a unix socket. `done` is called once, perhaps at once; when it is called
    // later, `pending` is waiting meanwhile and may be dropped by whoever no longer wants to know.
    virtual void perform(const manage::Action& action, const std::optional<auth::Source>& from,
                         worker::Pending& pending, OnDone done) = 0;

protected:
    ~Performer() = default;
};

} // namespace buzon::admin
