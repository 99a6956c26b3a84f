// files/rules.h - what the configuration says about programs, for the processes that obey nothing else (keeper::Rules).
#pragma once

#include <string>

#include "buzon/auth/user_base.h"
#include "buzon/config/options.h"
#include "buzon/keeper/message.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::files {

struct RulesText {
    keeper::Subject subject;
    std::string text;
};
// local_managers: managers on unix sockets may choose programs, even if there are no administrators.
[[nodiscard]] RulesText rules_of(const config::Options& options, bool local_managers);
[[nodiscard]] RulesText rules_of(const auth::UserBlock& users);
[[nodiscard]] RulesText tls_rules_of(const config::Options& options);

// The jail of --transform-jail. It includes the operator's own files, which no transformation may reach.
[[nodiscard]] filter::Jail jail_of(const config::Options& options);

// Returns memory that can no longer be changed.
[[nodiscard]] posix::Result<posix::UniqueFd> seal(const RulesText& rules);
// Sends the rules to a keeper.
[[nodiscard]] std::error_code tell(int keeper, const RulesText& rules);

} // namespace buzon::files
