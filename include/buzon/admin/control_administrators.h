// admin/control_administrators.h - who may manage, and how often one may guess. Knows no protocol.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "buzon/auth/source.h"
#include "buzon/auth/throttle.h"
#include "buzon/auth/user_base.h"
#include "buzon/event/event_loop.h"
#include "buzon/worker/pool.h"

namespace buzon::admin {

class Administrators {
public:
    enum class Verdict : std::uint8_t { right, wrong, unknown }; // unknown: it could not be checked
    using OnChecked = std::function<void(Verdict)>;

    // hashes: for secrets that take long to verify.
    Administrators(auth::UserBase base, worker::Pool& hashes, event::Instant now);

    [[nodiscard]] bool any() const noexcept { return base_.size() > 0; }
    void replace(auth::UserBase base) { base_ = std::move(base); }

    // Nothing as a source: a unix peer. When a try from there that has waited since `since` may be looked at. To be
    // asked again when that time has come: tries that must wait go one after the other, so that who guesses on many
    // connections at once is no faster than on one.
    [[nodiscard]] event::Instant not_before(const std::optional<auth::Source>& from, const std::string& name,
                                            event::Instant since, event::Instant now) const;
    // Whether the password is right. `then` is called once, perhaps at once; later when `pending` waits, which may be
    // dropped. Unknown names take as long as wrong passwords.
    void check(const std::optional<auth::Source>& from, const std::string& name, const std::string& password,
               event::Instant now, worker::Pending& pending, OnChecked then);

private:
    void finish(const std::optional<auth::Source>& from, const std::string& name, Verdict verdict,
                const OnChecked& then);
    void note_look(const std::optional<auth::Source>& from, event::Instant now);

    auth::UserBase base_;
    worker::Pool& hashes_;
    auth::Throttle throttle_;
    std::map<auth::Source::Octets, event::Instant> last_tries_; // the last try of each source prefix; bounded
};

} // namespace buzon::admin
