// local/open_cached.h - opens a message for the reactor, without ever waiting for a disk of this machine.
#pragma once

#include <string>
#include <string_view>

#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::local {

// Only what the kernel has in its caches. EAGAIN for everything else,
// also for a message that is not where it was: then a worker asks open_message. EMFILE and ENFILE as they are. What has
// been opened may be no regular file: a directory, a FIFO (nothing hangs on it).
[[nodiscard]] posix::Result<posix::UniqueFd> open_cached(const std::string& maildir, std::string_view file_name,
                                                         bool in_new);

} // namespace buzon::local
