#include "buzon/login/logins.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <tuple>
#include <vector>

#include "buzon/digest/random.h"
#include "buzon/login/program_answers.h"

namespace buzon::login {
namespace {

using Milliseconds = std::chrono::milliseconds;

constexpr std::size_t max_successes = 65536;
constexpr std::string_view first_line = "buzon login delays 1\n";

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
    remember(user, now);
    if (tell_) tell_();
}

void LoginDelays::remember(std::string_view user, event::Instant when) {
    if (order_.size() >= size_) forget_front();
    last_[std::string{user}] = when;
    order_.emplace_back(when, user);
}

std::string LoginDelays::text(event::Instant now, std::chrono::system_clock::time_point wall) const {
    std::string all{first_line};
    for (const auto& [when, user] : order_) {
        const auto found = last_.find(user);
        if (found == last_.end() || found->second != when) continue; // there is a later one
        const auto at = std::chrono::floor<Milliseconds>(wall.time_since_epoch() - (now - when));
        all += std::to_string(at.count()) + ' ' + user + '\n';
    }
    return all;
}

bool LoginDelays::restore(std::string_view text, std::chrono::seconds delay, event::Instant now,
                          std::chrono::system_clock::time_point wall) {
    if (!text.starts_with(first_line) || !text.ends_with('\n')) return false;
    text.remove_prefix(first_line.size());
    std::vector<std::pair<Milliseconds, std::string_view>> logins; // age, user
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(line.size() + 1);
        std::int64_t at = 0;
        const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), at);
        const auto digits = static_cast<std::size_t>(end - line.data());
        if (error != std::errc{} || at < 0 || line.size() < digits + 2 || line[digits] != ' ') return false;
        const auto wall_now = std::chrono::floor<Milliseconds>(wall.time_since_epoch());
        const Milliseconds ago = wall_now - std::min(Milliseconds{at}, wall_now);
        if (ago < delay) logins.emplace_back(ago, line.substr(digits + 1));
    }
    std::stable_sort(logins.begin(), logins.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (const auto& [ago, user] : logins) remember(user, now - ago);
    return true;
}

void LoginDelays::forget_front() {
    const auto found = last_.find(order_.front().second);
    // A later login of the same user has its own entry.
    if (found != last_.end() && found->second == order_.front().first) last_.erase(found);
    order_.pop_front();
}

Logins::Logins(event::EventLoop& loop, filter::Hosts& hosts, filter::Hosts& password_hosts,
               const state::Settings& settings)
    : loop_{loop}
    , settings_{settings}
    , limits_{limits()}
    , throttle_{limits_, digest::random_octets(32), loop.now()}
    , successes_{digest::random_octets(32), settings.auth_cache, max_successes}
    , checkpassword_{loop, password_hosts, {}}
    , passwords_{loop, password_hosts, is_password_answer}
    , tokens_{loop, hosts, is_token_answer} {}

void Logins::use(const Programs& programs) {
    checkpassword_.use(programs.checkpassword);
    passwords_.use(programs.passwords);
    tokens_.use(programs.tokens);
}

auth::ThrottleLimits Logins::limits() const {
    auth::ThrottleLimits limits;
    limits.free_by_source = static_cast<unsigned>(settings_.throttle_free);
    limits.free_by_user = static_cast<unsigned>(settings_.throttle_free_user);
    limits.free_by_familiar = static_cast<unsigned>(settings_.throttle_free_familiar);
    limits.first_delay = settings_.throttle_delay;
    // Not so long that every further attempt would be refused.
    limits.longest_delay = std::min(settings_.throttle_max_delay, settings_.login_timeout / 2);
    limits.forgives_one_in = settings_.throttle_forgive;
    limits.familiar_for = settings_.throttle_familiar;
    return limits;
}

void Logins::on_timer(event::Timer&) {
    if (const auto again = turns_.run(loop_.now())) next_turn_.arm(loop_.timers(), *again);
}

void Logins::refresh() {
    successes_.set_lifetime(settings_.auth_cache);
    const auth::ThrottleLimits wanted = limits();
    if (rank(wanted) == rank(limits_)) return;
    limits_ = wanted;
    throttle_ = auth::Throttle{limits_, digest::random_octets(32), loop_.now()};
}

} // namespace buzon::login
