// maildir/trash.h - deleted mail kept for a while, and brought back (--undelete-grace). Waits for disks: runs in a
// worker.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>

#include "buzon/posix/result.h"

namespace buzon::maildir {

// Beside cur, new and tmp: one folder for each second in which messages were deleted, named after that Unix time, with
// the message files under the names they had. update() fills it when PackedUpdate::keep_since() is set.
inline constexpr const char* trash_name = "buzon-trash";

struct RestoreOutcome {
    std::uint32_t restored = 0;
    std::uint32_t failed = 0; // still in the trash
    std::error_code first_error;
};

// Brings back what was deleted at `since` (Unix time) or later: into cur, with the flags it had, and so with the same
// UIDL. All of it is on disk on return. No trash, and no Maildir yet, is nothing to restore.
[[nodiscard]] RestoreOutcome restore(const std::string& maildir, std::int64_t since);

// Removes for good what was deleted before `before`. How many messages went.
[[nodiscard]] posix::Result<std::uint32_t> expire_trash(const std::string& maildir, std::int64_t before);

} // namespace buzon::maildir
