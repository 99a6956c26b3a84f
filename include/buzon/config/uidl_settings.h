// config/uidl_settings.h - converts the UIDL settings to message::UidlRules.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "buzon/message/uidl_rules.h"
#include "buzon/state/settings.h"

namespace buzon::config {

[[nodiscard]] message::UidlRules uidl_rules(const state::Settings& settings);

// Like state::change_setting(), but also rejects a uidl-format that message/ cannot use, and a hash-scheme that
// crypt(3) does not know.
[[nodiscard]] std::optional<std::string> change_checked_setting(state::Settings& settings, std::string_view name,
                                                                std::string_view value);

} // namespace buzon::config
