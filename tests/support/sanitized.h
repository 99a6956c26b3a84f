// support/sanitized.h - how much endurance is asked of programs that sanitizers make ten times slower. What is built as
// released gets the whole.
#pragma once

namespace buzon::test {

#ifdef __SANITIZE_ADDRESS__
inline constexpr int endurance_divisor = 8;
#else
inline constexpr int endurance_divisor = 1;
#endif

} // namespace buzon::test
