// maildir/trash.h - keeps deleted mail for a while and restores it (--undelete-grace). Blocks on disk I/O: runs in a
// worker.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>

#include "buzon/posix/result.h"

namespace buzon::maildir {

// A directory beside cur, new and tmp: one folder per second in which messages were deleted, named after that Unix
// time, with the message files under their old names. update() fills it if PackedUpdate::keep_since() is set.
inline constexpr const char* trash_name = "buzon-trash";

struct RestoreOutcome {
    std::uint32_t restored = 0;
    std::uint32_t failed = 0; // still in the trash
    std::error_code first_error;
};

// Restores what was deleted at `since` (Unix time) or later into cur, with its flags and so with the same UIDL.
// Everything is on disk on return. If there is no trash or no Maildir yet, there is nothing to restore.
[[nodiscard]] RestoreOutcome restore(const std::string& maildir, std::int64_t since);

// Removes permanently what was deleted before `before`, in this Maildir and in its Maildir++ folders (".Junk"). Returns
// the number of messages.
[[nodiscard]] posix::Result<std::uint32_t> expire_trash(const std::string& maildir, std::int64_t before);

} // namespace buzon::maildir
