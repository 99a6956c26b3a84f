// serve/transforms.h - which transformation applies to a user's mail, and the queue of messages to be transformed.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/filter/filter_queue.h"
#include "buzon/filter/filter_run.h"
#include "buzon/filter/filter_spec.h"
#include "buzon/filter/processes.h"
#include "buzon/serve/kept_results.h"
#include "buzon/state/metrics.h"
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

// Which transformation a user has: the one set by a manager, else the one in the users file, else the one of
// --transform-for, else the default.
class Transforms final : private filter::Processes::Events {
public:
    Transforms(event::EventLoop& loop, filter::Hosts& hosts, const state::Settings& settings, state::Metrics& metrics,
               const login::Users& users, state::EventBus& events);
    Transforms(const Transforms&) = delete;
    Transforms& operator=(const Transforms&) = delete;
    ~Transforms() = default;

    // The transformation for this user's messages; null if none. Valid until the next call.
    [[nodiscard]] const filter::FilterSpec* of(const std::string& user) const;

    // The default transformation.
    [[nodiscard]] Transform& standard() noexcept { return standard_; }
    [[nodiscard]] const Transform& standard() const noexcept { return standard_; }
    // The user's own transformation; null if none. Valid until the next call.
    [[nodiscard]] const Transform* own(const std::string& user) const;
    // The same for a manager to change; created if missing.
    [[nodiscard]] Transform& make_own(const std::string& user);
    // Drops what a manager set for this user. Returns whether there was anything to drop.
    bool forget(const std::string& user) { return changed_.erase(user) > 0; }

    // Sets the transformations of --transform-for.
    void set_for_users(std::map<std::string, Transform> for_users) { for_users_ = std::move(for_users); }

    [[nodiscard]] filter::Queue& queue() noexcept { return queue_; }
    [[nodiscard]] filter::Hosts& hosts() noexcept { return hosts_; }
    [[nodiscard]] filter::Processes& processes() noexcept { return processes_; }
    [[nodiscard]] upkeep::Complaints& complaints() noexcept { return complaints_; }
    [[nodiscard]] KeptResults& kept() noexcept { return kept_; }
    [[nodiscard]] filter::Limits limits();
    // The settings of the queue have changed.
    void refresh();
    // Sets what programs cannot reach. If the jail hides anything, it always hides the mail root, too.
    void confine(filter::Jail jail) {
        without_root_ = std::move(jail);
        jail_.reset();
    }
    // Folders whose programs managers may choose; none: any program.
    void allow(std::vector<std::string> folders) { allowed_ = std::move(folders); }
    [[nodiscard]] const std::vector<std::string>& allowed() const noexcept { return allowed_; }
    // The user that the keeper runs programs as; empty means the owner of the mail.
    void run_as(std::string user) { programs_user_ = std::move(user); }
    [[nodiscard]] std::string_view programs_user() const noexcept { return programs_user_; }

private:
    void on_process_started(const filter::FilterMember& program, bool again) override;
    void on_process_line(const filter::FilterMember& program, std::string_view line) override;
    [[nodiscard]] filter::QueueLimits queue_limits() const;
    [[nodiscard]] const Transform* of_users_file(const std::string& user) const;

    const state::Settings& settings_;
    state::Metrics& metrics_;
    filter::Hosts& hosts_;
    filter::Processes processes_;
    filter::Queue queue_;
    KeptResults kept_;
    upkeep::Complaints complaints_;
    Transform standard_;
    const login::Users& users_;
    std::map<std::string, Transform> changed_; // those set by managers
    std::map<std::string, Transform> for_users_;
    mutable std::map<std::string, Transform, std::less<>> parsed_; // recently used SPECs of the users file
    std::string programs_user_;
    filter::Jail without_root_;
    std::string root_;                         // the mail root that jail_ hides
    std::shared_ptr<const filter::Jail> jail_; // without_root_ and root_ together
    std::vector<std::string> allowed_;
};

} // namespace buzon::serve
