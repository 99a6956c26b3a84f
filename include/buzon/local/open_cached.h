// local/open_cached.h - opens a message for the reactor without ever waiting for a local disk.
#pragma once

#include <string>
#include <string_view>

#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::local {

// Opens only what is in the kernel's caches. Otherwise, or if the message was renamed, the error is EAGAIN: then a
// worker calls open_message(). EMFILE and ENFILE are returned unchanged. The opened file need not be a regular one: it
// may be a directory or a FIFO, which does not block.
[[nodiscard]] posix::Result<posix::UniqueFd> open_cached(const std::string& maildir, std::string_view file_name,
                                                         bool in_new);

// Whether the kernel can do that, and lets us: systemd's RestrictSUIDSGID= forbids openat2(2). Asked once.
[[nodiscard]] bool can_open_cached() noexcept;

} // namespace buzon::local
