// sandbox/denials.h - counts the system calls that our processes were refused, in memory that they share.
#pragma once

#include <cstdint>

#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::sandbox {

// The descriptor's number in processes that we start; it need not be there.
constexpr int denials_descriptor = 4;

// The memory as a descriptor, to be handed to processes that we start. Cannot be shrunk.
[[nodiscard]] posix::Result<posix::UniqueFd> make_denials();

// Counts there from now on (until then, in memory of this process alone). False if that is no such memory.
bool count_denials_in(int memory) noexcept;

// Of all processes that count in the same memory.
[[nodiscard]] std::uint64_t denials() noexcept;

// The number of the last refused system call, or -1.
[[nodiscard]] int last_denied() noexcept;

// The handler of SIGSYS: a refused system call is counted and fails with EPERM.
[[nodiscard]] bool handle_denials() noexcept;

} // namespace buzon::sandbox
