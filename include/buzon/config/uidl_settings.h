// config/uidl_settings.h - the settings of UIDLs in the words of mail/.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "buzon/message/uidl_rules.h"
#include "buzon/state/settings.h"

namespace buzon::config {

[[nodiscard]] message::UidlRules uidl_rules(const state::Settings& settings);

// As state::change_setting(), but refuses a uidl-format that mail/ cannot use, too.
[[nodiscard]] std::optional<std::string> change_checked_setting(state::Settings& settings, std::string_view name,
                                                                std::string_view value);

} // namespace buzon::config
