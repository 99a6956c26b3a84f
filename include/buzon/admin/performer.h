// admin/performer.h - performs the actions that a manager's session asks for.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "buzon/auth/source.h"
#include "buzon/event/timers.h"
#include "buzon/manage/action.h"
#include "buzon/serve/pop3_service.h"
#include "buzon/worker/pool.h"

namespace buzon::admin {

class Performer {
public:
    using OnDone = std::function<void(manage::Outcome)>;

    // When an action requested at `since` may be performed; password guesses are delayed. Ask again at that time.
    [[nodiscard]] virtual event::Instant
    not_before(const manage::Action& action, const std::optional<auth::Source>& from, event::Instant since) const = 0;
    // What an action waits for. Dropping it cancels the action, or lets it end without an answer.
    struct Pending {
        worker::Pending job{};
        std::unique_ptr<serve::Pop3Service::Moving> moving{}; // to another port or address
        void drop() noexcept {
            job.drop();
            moving.reset();
        }
    };
    // from: the manager's address, std::nullopt for a unix socket. Calls `done` once: at once, or later unless
    // `pending` is dropped before.
    virtual void perform(const manage::Action& action, const std::optional<auth::Source>& from, Pending& pending,
                         OnDone done) = 0;

protected:
    ~Performer() = default;
};

} // namespace buzon::admin
