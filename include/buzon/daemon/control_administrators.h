// daemon/control_administrators.h - who may manage, and how often one may guess. Knows no protocol.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "buzon/auth/source.h"
#include "buzon/auth/throttle.h"
#include "buzon/auth/user_base.h"
#include "buzon/event/event_loop.h"
#include "buzon/worker/pool.h"

namespace buzon::daemon {

class Administrators {
public:
    using OnChecked = std::function<void(bool right)>;

    // hashes: for secrets that take long to verify.
    Administrators(auth::UserBase base, worker::Pool& hashes, event::Instant now);

    [[nodiscard]] bool any() const noexcept { return base_.size() > 0; }
    void replace(auth::UserBase base) { base_ = std::move(base); }

    // Nothing as a source: a unix peer. When a try from there may be looked at; to be asked once a try.
    [[nodiscard]] event::Instant not_before(const std::optional<auth::Source>& from, const std::string& name,
                                            event::Instant now) const;
    // Whether the password is right. `then` is called once, perhaps at once; later when `pending` waits, which may be
    // dropped. Unknown names take as long as wrong passwords.
    void check(const std::optional<auth::Source>& from, const std::string& name, const std::string& password,
               worker::Pending& pending, OnChecked then);

private:
    void finish(const std::optional<auth::Source>& from, const std::string& name, bool right, const OnChecked& then);

    auth::UserBase base_;
    worker::Pool& hashes_;
    auth::Throttle throttle_;
};

} // namespace buzon::daemon
