// sandbox/roles.h - the system calls, capabilities and files that each role needs.
#pragma once

#include <cstdint>

#include "buzon/sandbox/enter.h"
#include "buzon/sandbox/system_calls.h"

namespace buzon::sandbox {

[[nodiscard]] SystemCalls system_calls_of(const Plan& plan);
// As bits. Those that the process does not have are not gained.
[[nodiscard]] std::uint64_t capabilities_of(const Plan& plan) noexcept;
// What every process of the role reads, in addition to its plan's files.
[[nodiscard]] std::vector<Allowed> files_of(const Plan& plan);

} // namespace buzon::sandbox
