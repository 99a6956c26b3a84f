// local/freshness.h - checks with a few stats whether what was recently read from a maildrop is still current. The
// reactor does this only on local file systems, whose metadata is in memory; elsewhere a worker does.
#pragma once

#include <string>

#include "buzon/message/mail_root.h"
#include "buzon/message/stamps.h"
#include "buzon/posix/result.h"

namespace buzon::local {

// Takes only three stats. ELOOP if cur, new or tmp is a symbolic link. ENOENT if `maildir` itself is missing; a missing
// cur or new is not an error. May block on a disk or a file server, so the reactor calls it only for maildrops whose
// metadata should be in memory.
[[nodiscard]] posix::Result<message::Stamps> stamps(const std::string& maildir);

// Takes only one stat.
[[nodiscard]] bool is_there(const message::MailRoot& root);

} // namespace buzon::local
