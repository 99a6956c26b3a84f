// host/no_network.h - refuses new sockets, for programs in the strict jail: Landlock knows only TCP.
#pragma once

namespace buzon::host {

// For this process and those that it starts: socket() and io_uring_setup() give EPERM. Needs no new privileges to be
// set. Returns an errno, or 0. May be called between fork() and execve(). ENOSYS: not on this processor.
[[nodiscard]] int refuse_sockets() noexcept;

} // namespace buzon::host
