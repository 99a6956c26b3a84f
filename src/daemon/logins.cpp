#include "buzon/daemon/logins.h"

#include <algorithm>
#include <tuple>

#include "buzon/auth/random.h"

namespace buzon::daemon {
namespace {

constexpr std::size_t most_successes = 65536;

auto rank(const auth::ThrottleLimits& l) {
    return std::tuple{l.free_by_source, l.free_by_user,    l.free_by_familiar, l.first_delay,
                      l.longest_delay,  l.forgives_one_in, l.familiar_for};
}

} // namespace

std::uint32_t LoginDelays::seconds_to_go(std::string_view user, std::chrono::seconds delay, event::Instant now) const {
    const auto found = last_.find(std::string{user});
    if (found == last_.end() || now - found->second >= delay) return 0;
    return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(found->second + delay - now).count());
}

void LoginDelays::logged_in(std::string_view user, std::chrono::seconds delay, event::Instant now) {
    while (!order_.empty() && now - order_.front().first >= delay) forget_front();
    if (delay <= std::chrono::seconds{0}) return;
    if (order_.size() >= size_) forget_front();
    last_[std::string{user}] = now;
    order_.emplace_back(now, user);
}

void LoginDelays::forget_front() {
    const auto found = last_.find(order_.front().second);
    // A later login of the same user has an entry of its own.
    if (found != last_.end() && found->second == order_.front().first) last_.erase(found);
    order_.pop_front();
}

Logins::Logins(event::EventLoop& loop, const state::Settings& settings, const std::string& program)
    : loop_{loop}
    , settings_{settings}
    , limits_{limits()}
    , throttle_{limits_, auth::random_octets(32), loop.now()}
    , successes_{auth::random_octets(32), settings.auth_cache, most_successes}
    , checkpassword_{loop, program} {}

auth::ThrottleLimits Logins::limits() const {
    auth::ThrottleLimits limits;
    limits.free_by_source = static_cast<unsigned>(settings_.throttle_free);
    limits.free_by_user = static_cast<unsigned>(settings_.throttle_free_user);
    limits.free_by_familiar = static_cast<unsigned>(settings_.throttle_free_familiar);
    limits.first_delay = settings_.throttle_delay;
    // Longer than a connection may take to log in would be a refusal.
    limits.longest_delay = std::min(settings_.throttle_max_delay, settings_.login_timeout / 2);
    limits.forgives_one_in = settings_.throttle_forgive;
    limits.familiar_for = settings_.throttle_familiar;
    return limits;
}

void Logins::refresh() {
    successes_.set_lifetime(settings_.auth_cache);
    const auth::ThrottleLimits wanted = limits();
    if (rank(wanted) == rank(limits_)) return;
    limits_ = wanted;
    throttle_ = auth::Throttle{limits_, auth::random_octets(32), loop_.now()};
}

} // namespace buzon::daemon
