// serve/transforms.h - which transformation whose mail passes, and whose turn it is to run one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "buzon/filter/filter_queue.h"
#include "buzon/filter/filter_run.h"
#include "buzon/filter/filter_spec.h"
#include "buzon/state/settings.h"
#include "buzon/upkeep/complaints.h"

namespace buzon::login {
class Users;
} // namespace buzon::login

namespace buzon::serve {

// A transformation and its switch: off keeps the program, so that it can be switched on again.
struct Transform {
    filter::FilterSpec spec;
    bool on = false;

    // "off" or "on SPEC", as TRAN shows it.
    [[nodiscard]] std::string text() const { return on ? "on " + spec.text() : "off"; }
};

// What holds for a user: what a manager said for him, else what the users file does, else --transform-for, else the
// default one.
class Transforms {
public:
    Transforms(event::EventLoop& loop, const state::Settings& settings, const login::Users& users,
               state::EventBus& events);

    // The one that a message of this user passes now; null: none. Valid until the next call.
    [[nodiscard]] const filter::FilterSpec* of(const std::string& user) const;

    // The default one.
    [[nodiscard]] Transform& standard() noexcept { return standard_; }
    [[nodiscard]] const Transform& standard() const noexcept { return standard_; }
    // A user's own; null: he has none. Valid until the next call.
    [[nodiscard]] const Transform* own(const std::string& user) const;
    // The same for a manager to change, made where there is none.
    [[nodiscard]] Transform& make_own(const std::string& user);
    // What a manager said for him no longer holds. True: there was something.
    bool forget(const std::string& user) { return changed_.erase(user) > 0; }

    // Those of --transform-for.
    void set_for_users(std::map<std::string, Transform> for_users) { for_users_ = std::move(for_users); }

    [[nodiscard]] filter::Queue& queue() noexcept { return queue_; }
    [[nodiscard]] filter::Launcher& launcher() noexcept { return launcher_; }
    [[nodiscard]] upkeep::Complaints& complaints() noexcept { return complaints_; }
    [[nodiscard]] filter::Limits limits() const;
    // The settings of the queue have changed.
    void refresh();
    void run_as(std::optional<filter::RunAs> who) { run_as_ = std::move(who); }
    // Its name; empty: the server's own user.
    [[nodiscard]] std::string_view programs_user() const noexcept {
        return run_as_ ? run_as_->name : std::string_view{};
    }

private:
    [[nodiscard]] filter::QueueLimits queue_limits() const;
    [[nodiscard]] const Transform* of_users_file(const std::string& user) const;

    const state::Settings& settings_;
    filter::Launcher launcher_;
    filter::Queue queue_;
    upkeep::Complaints complaints_;
    Transform standard_;
    const login::Users& users_;
    std::map<std::string, Transform> changed_; // by managers
    std::map<std::string, Transform> for_users_;
    mutable std::map<std::string, Transform, std::less<>> parsed_; // SPECs of the users file that were wanted lately
    std::optional<filter::RunAs> run_as_;
};

} // namespace buzon::serve
