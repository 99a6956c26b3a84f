// files/rules.h - what the configuration says of programs, for those who obey nobody else (keeper::Rules).
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
// local_managers: those on unix sockets may choose programs, though nobody is an administrator.
[[nodiscard]] RulesText rules_of(const config::Options& options, bool local_managers);
[[nodiscard]] RulesText rules_of(const auth::UserBlock& users);
[[nodiscard]] RulesText tls_rules_of(const config::Options& options);

// What the operator's own files are, and so no transformation reaches, and the rest of --transform-jail.
[[nodiscard]] filter::Jail jail_of(const config::Options& options);

// Nobody can change it any more.
[[nodiscard]] posix::Result<posix::UniqueFd> seal(const RulesText& rules);
// To a keeper.
[[nodiscard]] std::error_code tell(int keeper, const RulesText& rules);

} // namespace buzon::files
