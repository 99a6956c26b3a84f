// support/sanitized.h - how much endurance is asked of programs that sanitizers make ten times slower. What is built as
// released gets the whole.
#pragma once

#include "buzon/posix/sanitized.h"

namespace buzon::test {

using posix::sanitized;

inline constexpr int endurance_divisor = sanitized ? 8 : 1;

} // namespace buzon::test
