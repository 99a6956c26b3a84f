#include "buzon/daemon/control_administrators.h"

#include "buzon/auth/random.h"
#include "buzon/auth/secret.h"
#include "buzon/daemon/jobs.h"

namespace buzon::daemon {
namespace {

// Few people manage a server, from few places: fewer free tries than for mail, and small tables.
auth::ThrottleLimits limits() {
    auth::ThrottleLimits limits;
    limits.free_by_source = 3;
    limits.free_by_user = 6;
    limits.free_by_familiar = 6;
    limits.sources = 4096;
    limits.users = 4096;
    limits.familiar_pairs = 4096;
    return limits;
}

} // namespace

Administrators::Administrators(auth::UserBase base, worker::Pool& hashes, event::Instant now)
    : base_{std::move(base)}, hashes_{hashes}, throttle_{limits(), auth::random_octets(32), now} {}

event::Instant Administrators::not_before(const std::optional<auth::Source>& from, const std::string& name,
                                          event::Instant now) const {
    return throttle_.not_before(from, name, now);
}

void Administrators::check(const std::optional<auth::Source>& from, const std::string& name, const std::string& password,
                           worker::Pending& pending, OnChecked then) {
    const auth::Credential credential = base_.credential(name, from);
    const bool open = credential.standing == auth::Standing::open;
    const auto secret = auth::Secret::parse(credential.secret);
    if (!secret) return finish(from, name, false, then);
    if (!secret.value().is_slow()) {
        const bool right = secret.value().verify(password);
        return finish(from, name, right && open, then);
    }
    pending = hashes_.submit(verify_job(credential.secret, password), [this, from, name, open, then](worker::Answer answer) {
        const Answered said = read_answer(answer);
        finish(from, name, !said.why && said.rest == "y" && open, then);
    });
}

void Administrators::finish(const std::optional<auth::Source>& from, const std::string& name, bool right,
                            const OnChecked& then) {
    const event::Instant now = event::Clock::now();
    if (right) throttle_.succeeded(from, name, now);
    else throttle_.failed(from, name, now);
    then(right);
}

} // namespace buzon::daemon
