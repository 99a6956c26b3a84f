// local/freshness.h - whether what was read of a maildrop a moment ago is still so: a few stats, for file systems of
// this machine, whose answer is in memory. Elsewhere a worker looks.
#pragma once

#include <string>

#include "buzon/message/mail_root.h"
#include "buzon/message/stamps.h"
#include "buzon/posix/result.h"

namespace buzon::local {

// Three stats, nothing more. ELOOP when cur, new or tmp is a symbolic link. ENOENT when `maildir` itself is missing; a
// missing cur or new is not an error. It may wait for a disk or a file server: the reactor asks a worker.
[[nodiscard]] posix::Result<message::Stamps> stamps(const std::string& maildir);

// One stat().
[[nodiscard]] bool is_there(const message::MailRoot& root);

} // namespace buzon::local
