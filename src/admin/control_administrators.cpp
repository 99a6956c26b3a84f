#include "buzon/admin/control_administrators.h"

#include <algorithm>

#include "buzon/digest/random.h"
#include "buzon/jobs/jobs.h"

namespace buzon::admin {
namespace {

// Few people manage a server, and from few places. So there are fewer free attempts than for mail, and the tables are
// small.
auth::ThrottleLimits limits() {
    auth::ThrottleLimits limits;
    limits.free_by_source = 3;
    limits.free_by_user = 6;
    limits.free_by_familiar = 6;
    limits.sources = 4096;
    limits.users = 4096;
    limits.familiar_pairs = 4096;
    limits.guessers = 512;
    return limits;
}

constexpr std::size_t max_cached = 4096;

auth::Source::Octets place_of(const std::optional<auth::Source>& from) {
    return from ? from->prefix().octets() : auth::Source::Octets{};
}

} // namespace

Administrators::Administrators(auth::UserBase base, jobs::HashWorkers hashes, event::Instant now)
    : base_{std::move(base)}, hashes_{hashes}, throttle_{limits(), digest::random_octets(32), now} {}

event::Instant Administrators::not_before(const std::optional<auth::Source>& from, const std::string& name,
                                          event::Instant since, event::Instant now) const {
    const auto delay = throttle_.not_before(from, name, now) - now;
    if (delay == event::Clock::duration::zero()) return now;
    const auto last = last_tries_.find(place_of(from));
    return (last == last_tries_.end() ? since : std::max(since, last->second)) + delay;
}

void Administrators::check(const std::optional<auth::Source>& from, const std::string& name, std::string_view password,
                           event::Instant now, worker::Pending& pending, OnChecked then) {
    note_look(from, now);
    // Counts as a failure until proven right, so that many attempts at once, still being checked by workers, add up.
    throttle_.failed(from, name, now);
    const auth::Credential credential = base_.credential(name, from, auth::Secrets::main);
    const bool open = credential.standing == auth::Standing::open;
    pending = hashes_.of(credential.slow)
                  .submit(jobs::order(jobs::Verify{credential.place, password}, credential.vault),
                          [this, from, name, open, then](worker::Answer answer) {
                              const auto said = jobs::read<jobs::Verify>(answer);
                              if (said.why) return finish(from, name, Verdict::unknown, then);
                              finish(from, name, said.answer.right && open ? Verdict::right : Verdict::wrong, then);
                          });
}

void Administrators::note_look(const std::optional<auth::Source>& from, event::Instant now) {
    if (last_tries_.size() >= max_cached) {
        std::erase_if(last_tries_, [now](const auto& place) { return now - place.second > limits().longest_delay; });
        if (last_tries_.size() >= max_cached) last_tries_.erase(last_tries_.begin());
    }
    last_tries_[place_of(from)] = now;
}

void Administrators::finish(const std::optional<auth::Source>& from, const std::string& name, Verdict verdict,
                            const OnChecked& then) {
    const event::Instant now = event::Clock::now();
    if (verdict != Verdict::wrong) throttle_.take_back(from, name, now);
    if (verdict == Verdict::right) throttle_.succeeded(from, name, now);
    then(verdict);
}

} // namespace buzon::admin
