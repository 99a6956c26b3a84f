// sandbox/denials.h - counts the system calls that our processes were denied, in shared memory.
#pragma once

#include <cstdint>

#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::sandbox {

// The descriptor's number in processes that we start; it may be missing there.
constexpr int denials_descriptor = 4;

// The memory as a descriptor, to be passed to processes that we start. Cannot be shrunk.
[[nodiscard]] posix::Result<posix::UniqueFd> make_denials();

// From now on, denials are counted in `memory`; until then, in memory of this process alone. False if `memory` is not
// what make_denials() makes.
bool count_denials_in(int memory) noexcept;

// The denials of all processes that count in the same memory.
[[nodiscard]] std::uint64_t denials() noexcept;

// The number of the last refused system call, or -1.
[[nodiscard]] int last_denied() noexcept;

// Installs the handler of SIGSYS: a denied system call is counted and fails with EPERM.
[[nodiscard]] bool handle_denials() noexcept;

} // namespace buzon::sandbox
