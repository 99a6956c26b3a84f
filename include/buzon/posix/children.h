// posix/children.h - everything that descends from this process, whatever its group or session. For a process that is a
// PR_SET_CHILD_SUBREAPER: the children of a process that ends become its own. These may block.
#pragma once

#include <sys/types.h>

#include <functional>

namespace buzon::posix {

// Reaps the children that have ended. True: there are others.
[[nodiscard]] bool children_left() noexcept;
// One SIGKILL to each child, but those to be spared.
void kill_children(const std::function<bool(pid_t)>& spared = {}) noexcept;
// Until there is none.
void end_all_children() noexcept;

} // namespace buzon::posix
