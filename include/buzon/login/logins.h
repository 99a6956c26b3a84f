// login/logins.h - state kept between logins: failures, successes, and when each user last logged in.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "buzon/auth/throttle.h"
#include "buzon/auth/turns.h"
#include "buzon/event/timers.h"
#include "buzon/login/checkpassword_run.h"
#include "buzon/login/line_programs.h"
#include "buzon/login/success_cache.h"
#include "buzon/state/settings.h"

namespace buzon::login {

// When users last logged in, for as long as the login delay needs it (RFC 2449 section 6.5). Keeps at most `size` users
// and drops the oldest login first.
class LoginDelays {
public:
    explicit LoginDelays(std::size_t size) : size_{size} {}

    // Seconds until this user may log in again, rounded up; 0 means now.
    [[nodiscard]] std::uint32_t seconds_to_go(std::string_view user, std::chrono::seconds delay,
                                              event::Instant now) const;
    void logged_in(std::string_view user, std::chrono::seconds delay, event::Instant now);
    [[nodiscard]] std::size_t size() const noexcept { return last_.size(); }

    // `tell` is called after each recorded login.
    void when_changed(std::function<void()> tell) { tell_ = std::move(tell); }
    // The recorded logins, one per line: wall-clock time and user. `now` and `wall` are the same moment.
    [[nodiscard]] std::string text(event::Instant now, std::chrono::system_clock::time_point wall) const;
    // Restores the output of text(), except for logins that no longer matter. A login in the future counts as having
    // just happened. False: the text is malformed, and nothing is restored.
    [[nodiscard]] bool restore(std::string_view text, std::chrono::seconds delay, event::Instant now,
                               std::chrono::system_clock::time_point wall);

private:
    void forget_front();

    void remember(std::string_view user, event::Instant when);

    std::size_t size_;
    std::function<void()> tell_;
    std::unordered_map<std::string, event::Instant> last_;
    std::deque<std::pair<event::Instant, std::string>> order_; // in order of login
};

class Logins final : private event::TimerHandler {
public:
    // `hosts` start the --token program, `password_hosts` the --checkpassword program.
    Logins(event::EventLoop& loop, filter::Hosts& hosts, filter::Hosts& password_hosts,
           const state::Settings& settings);

    // The programs asked about logins: --checkpassword, --checkpassword with process:, and --token. Each may be empty.
    struct Programs {
        filter::FilterSpec checkpassword, passwords, tokens;
    };
    void use(const Programs& programs);

    [[nodiscard]] auth::Turns& turns() noexcept { return turns_; }
    [[nodiscard]] SuccessCache& successes() noexcept { return successes_; }
    [[nodiscard]] LoginDelays& delays() noexcept { return delays_; }
    [[nodiscard]] CheckpasswordPool& checkpassword() noexcept { return checkpassword_; }
    [[nodiscard]] LinePrograms& passwords() noexcept { return passwords_; }
    [[nodiscard]] LinePrograms& tokens() noexcept { return tokens_; }
    // Whether there is a program that may know users who are in no file.
    [[nodiscard]] bool asks_programs() const noexcept {
        return checkpassword_.in_use() || passwords_.in_use() || tokens_.in_use();
    }

    // The settings have changed. New limits of the throttle make it forget all recorded failures.
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
    SuccessCache successes_;
    LoginDelays delays_{65536};
    CheckpasswordPool checkpassword_;
    LinePrograms passwords_;
    LinePrograms tokens_;
};

} // namespace buzon::login
