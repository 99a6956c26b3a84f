// serve/transforms.h - which transformation applies to a user's mail, and the queue of those to run.
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

// A transformation and its switch: when off, the program is kept so that it can be switched on again.
struct Transform {
    filter::FilterSpec spec;
    bool on = false;

    // "off" or "on SPEC", as in TRAN.
    [[nodiscard]] std::string text() const { return on ? "on " + spec.text() : "off"; }
};

// Which transformation a user has: the one set by a manager, else by the users file, else by --transform-for, else the
// default.
class Transforms {
public:
    Transforms(event::EventLoop& loop, const state::Settings& settings, const login::Users& users,
               state::EventBus& events);

    // The transformation for this user's messages; null if none. Valid until the next call.
    [[nodiscard]] const filter::FilterSpec* of(const std::string& user) const;

    // The default one.
    [[nodiscard]] Transform& standard() noexcept { return standard_; }
    [[nodiscard]] const Transform& standard() const noexcept { return standard_; }
    // The user's own transformation; null if none. Valid until the next call.
    [[nodiscard]] const Transform* own(const std::string& user) const;
    // The same for a manager to change; created if missing.
    [[nodiscard]] Transform& make_own(const std::string& user);
    // Drops what a manager set for this user. True: there was something to drop.
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
    // The user that programs run as; empty means the server's own user.
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
    std::map<std::string, Transform> changed_; // those set by managers
    std::map<std::string, Transform> for_users_;
    mutable std::map<std::string, Transform, std::less<>> parsed_; // recently used SPECs of the users file
    std::optional<filter::RunAs> run_as_;
};

} // namespace buzon::serve
