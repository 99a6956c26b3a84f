// host/no_network.h - refuses new sockets to programs in the strict jail, since Landlock covers only TCP.
#pragma once

namespace buzon::host {

// For this process and those that it starts, socket() and io_uring_setup() fail with EPERM. Requires no_new_privs.
// Returns an errno, or 0. Safe between fork() and execve(). ENOSYS: not supported on this processor.
[[nodiscard]] int refuse_sockets() noexcept;

} // namespace buzon::host
