// posix/children.h - ends everything that descends from this process, whatever its group or session. The process must
// be a PR_SET_CHILD_SUBREAPER, so that the children of a process that ends become its own. These calls may block.
#pragma once

#include <sys/types.h>

#include <functional>

namespace buzon::posix {

// Reaps the children that have ended. True: others are left.
[[nodiscard]] bool children_left() noexcept;
// Sends one SIGKILL to each child, except those to be spared.
void kill_children(const std::function<bool(pid_t)>& spared = {}) noexcept;
// Kills and reaps until no child is left.
void end_all_children() noexcept;

} // namespace buzon::posix
