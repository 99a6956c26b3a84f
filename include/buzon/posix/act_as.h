// posix/act_as.h - becomes another user, for good.
#pragma once

#include <sys/types.h>

#include <span>

#include "buzon/posix/ids.h"

namespace buzon::posix {

// The process gets this user and group, only these supplementary groups, and no capabilities; nor can programs that it
// executes get any. User 0 loses root's powers only with the next execve(2). Returns an errno, or 0. May be called
// between fork() and execve().
[[nodiscard]] int act_as(const Ids& who, std::span<const gid_t> groups = {}) noexcept;

} // namespace buzon::posix
