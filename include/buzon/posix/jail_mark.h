// posix/jail_mark.h - by what a process is known to be, or to descend from, a program in a jail: its hard limit on file
// locks is lower than ours. Nobody without privilege can raise it again, and the kernel has not enforced it since 2.4.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

namespace buzon::posix {

inline constexpr auto jail_mark = RLIMIT_LOCKS;

// Whether a process bears it. So does one that is gone: it may have left its connection to another one. Of another
// user's process only a privileged caller can tell; such a one does not.
[[nodiscard]] bool bears_jail_mark(pid_t process) noexcept;

} // namespace buzon::posix
