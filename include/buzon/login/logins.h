// login/logins.h - what is remembered from one login to the next: wrong ones, right ones, and when a user came last.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "buzon/auth/success_cache.h"
#include "buzon/auth/throttle.h"
#include "buzon/auth/turns.h"
#include "buzon/event/timers.h"
#include "buzon/login/checkpassword_run.h"
#include "buzon/state/settings.h"

namespace buzon::login {

// When users logged in last, as long as that matters (RFC 2449 section 6.5). At most `size` users: the eldest login is
// forgotten first.
class LoginDelays {
public:
    explicit LoginDelays(std::size_t size) : size_{size} {}

    // Seconds until this user may log in again, rounded up; 0: now.
    [[nodiscard]] std::uint32_t seconds_to_go(std::string_view user, std::chrono::seconds delay,
                                              event::Instant now) const;
    void logged_in(std::string_view user, std::chrono::seconds delay, event::Instant now);
    [[nodiscard]] std::size_t size() const noexcept { return last_.size(); }

    // Called after each login that is remembered.
    void when_changed(std::function<void()> tell) { tell_ = std::move(tell); }
    // What is remembered, a line each: when, by the clock on the wall, and who. `now` and `wall` are one moment.
    [[nodiscard]] std::string text(event::Instant now, std::chrono::system_clock::time_point wall) const;
    // Remembers what a text() says, as far as it matters still; a login in the future has just been. False: it is no
    // such text, nothing is remembered.
    [[nodiscard]] bool restore(std::string_view text, std::chrono::seconds delay, event::Instant now,
                               std::chrono::system_clock::time_point wall);

private:
    void forget_front();

    void remember(std::string_view user, event::Instant when);

    std::size_t size_;
    std::function<void()> tell_;
    std::unordered_map<std::string, event::Instant> last_;
    std::deque<std::pair<event::Instant, std::string>> order_; // as they came
};

class Logins final : private event::TimerHandler {
public:
    // `program`: of --checkpassword, or empty.
    Logins(event::EventLoop& loop, const state::Settings& settings, const std::string& program);

    [[nodiscard]] auth::Turns& turns() noexcept { return turns_; }
    [[nodiscard]] auth::SuccessCache& successes() noexcept { return successes_; }
    [[nodiscard]] LoginDelays& delays() noexcept { return delays_; }
    [[nodiscard]] CheckpasswordPool& checkpassword() noexcept { return checkpassword_; }

    // The settings have changed. New limits of the throttle begin with nobody's guilt.
    void refresh();
    // The users have changed.
    void users_changed() noexcept { successes_.forget_all(); }

private:
    void on_timer(event::Timer&) override;
    [[nodiscard]] auth::ThrottleLimits limits() const;

    event::EventLoop& loop_;
    const state::Settings& settings_;
    auth::ThrottleLimits limits_;
    auth::Throttle throttle_;
    event::Timer next_turn_{*this};
    auth::Turns turns_{throttle_, [this](event::Instant when) { next_turn_.arm(loop_.timers(), when); }};
    auth::SuccessCache successes_;
    LoginDelays delays_{65536};
    CheckpasswordPool checkpassword_;
};

} // namespace buzon::login
