// support/sanitized.h - how much endurance tests ask of programs that sanitizers make ten times slower. Builds without
// sanitizers get the full amount.
#pragma once

#include "buzon/posix/sanitized.h"

namespace buzon::test {

using posix::sanitized;

inline constexpr int endurance_divisor = sanitized ? 8 : 1;

} // namespace buzon::test
