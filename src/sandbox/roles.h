// sandbox/roles.h - what each role needs, and some plans.
#pragma once

#include <cstdint>

#include "buzon/sandbox/enter.h"
#include "buzon/sandbox/system_calls.h"

namespace buzon::sandbox {

[[nodiscard]] SystemCalls system_calls_of(const Plan& plan);
// As bits, of those that the process has.
[[nodiscard]] std::uint64_t capabilities_of(const Plan& plan) noexcept;
// What every process of the role reads, besides its plan's files.
[[nodiscard]] std::vector<Allowed> files_of(const Plan& plan);

} // namespace buzon::sandbox
