// daemon/transforms.h - which transformation whose mail passes, and whose turn it is to run one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "buzon/daemon/complaints.h"
#include "buzon/filter/filter_queue.h"
#include "buzon/filter/filter_run.h"
#include "buzon/filter/filter_spec.h"
#include "buzon/state/settings.h"

namespace buzon::daemon {

// A transformation and its switch: off keeps the program, so that it can be switched on again.
struct Transform {
    filter::FilterSpec spec;
    bool on = false;

    // "off" or "on SPEC", as TRAN shows it.
    [[nodiscard]] std::string text() const { return on ? "on " + spec.text() : "off"; }
};

class Transforms {
public:
    Transforms(event::EventLoop& loop, const state::Settings& settings, state::EventBus& events);

    // The one that a message of this user passes now; null: none. Valid until a change.
    [[nodiscard]] const filter::FilterSpec* of(const std::string& user) const;

    // The default one, or a user's own (made by asking for it).
    [[nodiscard]] Transform& standard() noexcept { return standard_; }
    [[nodiscard]] const Transform& standard() const noexcept { return standard_; }
    [[nodiscard]] const Transform* own(const std::string& user) const;
    [[nodiscard]] Transform& make_own(const std::string& user) { return own_[user]; }

    void replace_own(std::map<std::string, Transform> own) { own_ = std::move(own); }

    [[nodiscard]] filter::Queue& queue() noexcept { return queue_; }
    [[nodiscard]] filter::Launcher& launcher() noexcept { return launcher_; }
    [[nodiscard]] Complaints& complaints() noexcept { return complaints_; }
    [[nodiscard]] filter::Limits limits() const;
    // The settings of the queue have changed.
    void refresh();
    void run_as(std::optional<filter::RunAs> who) { run_as_ = std::move(who); }

private:
    [[nodiscard]] filter::QueueLimits queue_limits() const;

    const state::Settings& settings_;
    filter::Launcher launcher_;
    filter::Queue queue_;
    Complaints complaints_;
    Transform standard_;
    std::map<std::string, Transform> own_;
    std::optional<filter::RunAs> run_as_;
};

} // namespace buzon::daemon
