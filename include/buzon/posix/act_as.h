// posix/act_as.h - becomes another user, for good.
#pragma once

#include <sys/types.h>

#include <span>

#include "buzon/posix/ids.h"

namespace buzon::posix {

// This user and group, no other groups than these, and no capability, not even for programs that it starts; user 0 has
// none of root's powers either. Returns an errno, or 0. May be called between fork() and execve().
[[nodiscard]] int act_as(const Ids& who, std::span<const gid_t> groups = {}) noexcept;

} // namespace buzon::posix
