// workers/whose.h - which maildrops this process may serve (worker/pool.h).
#pragma once

#include <string>

#include "buzon/message/mail_root.h"
#include "buzon/workers/work.h"

namespace buzon::workers {

// Whether the sandbox lets us into the Maildir, or into the folder where it is to be made. It does not if a link leads
// out of what we may reach, or if another folder has taken the place of one that we may reach.
[[nodiscard]] bool is_within_reach(const std::string& maildir);

// In a server that was started by root: whether the Maildir belongs to the user that this process acts as, or does not
// exist yet, and can be reached. A link to it counts if it belongs to root or to the owner of its target.
[[nodiscard]] bool is_ours(const std::string& maildir);

// Whether the mail root is still the same. For a worker alone, whose user may have no right to look, it is unless
// something shows otherwise.
[[nodiscard]] bool root_is_there(const message::MailRoot& root, Duty duty);

} // namespace buzon::workers
