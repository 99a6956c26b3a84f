// posix/jail_mark.h - marks the programs in a jail, and so their descendants: their hard limit on file locks is lower
// than ours. It cannot be raised again without privilege, and the kernel has not enforced it since 2.4.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

namespace buzon::posix {

inline constexpr auto jail_mark = RLIMIT_LOCKS;

// Whether a process bears the mark. True for one that is gone: it may have left its connection to another process.
// False for another user's process if the caller is not privileged, and so cannot tell.
[[nodiscard]] bool bears_jail_mark(pid_t process) noexcept;

} // namespace buzon::posix
