// keeping/child_process.h - what a forked child does before it becomes another program. Nothing in here may allocate
// memory or take a lock.
#pragma once

#include <sys/types.h>

#include <array>

namespace buzon::keeping {

struct ChildPlan {
    int socket = -1; // becomes the worker's descriptor 3; 0 and 1 are /dev/null, 2 stays, all others are closed
    std::array<int, 5> inherited{-1, -1, -1, -1, -1}; // become 4, 5, 6 …; -1: none
    pid_t parent = 0;                                 // the child is killed when this process dies,
    bool may_outlive = false;                         // unless it may outlive it
};

// 0, or errno.
[[nodiscard]] int prepare_child(const ChildPlan& plan) noexcept;

} // namespace buzon::keeping
