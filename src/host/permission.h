// host/permission.h - what a filter host may start. The operator's configuration decides, not the reactor, which may be
// under an attacker's control.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "buzon/filter/host_message.h"
#include "buzon/filter/rules.h"

namespace buzon::host {

class Permission {
public:
    // Allows everything: for tests.
    Permission() = default;
    // `what`: keeper::host_of_mail or host_of_logins. The rules are in memory behind the descriptors, the newest first;
    // rules that cannot be read allow nothing.
    Permission(std::string_view what, std::span<const int> descriptors);

    // Whether the program may be started. May wait for a disk.
    [[nodiscard]] bool allows(const filter::StartOrder& order);
    // Makes the jail at least as strict as the configuration says.
    void confine(filter::StartOrder& order) const;

private:
    [[nodiscard]] bool is_named(const filter::StartOrder& order) const;
    [[nodiscard]] bool is_below_a_folder(const std::string& path) const;

    bool all_ = true;
    bool logins_ = false;
    std::vector<filter::Rules> rules_;
};

} // namespace buzon::host
