// support/sanitized.h - how much endurance is asked of programs that sanitizers make ten times slower. What is built as
// released gets the whole.
#pragma once

// g++ says so with a macro, clang++ with a feature.
#ifdef __has_feature
#define BUZON_HAS_FEATURE(name) __has_feature(name)
#else
#define BUZON_HAS_FEATURE(name) 0
#endif

namespace buzon::test {

#if defined(__SANITIZE_ADDRESS__) || BUZON_HAS_FEATURE(address_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

inline constexpr int endurance_divisor = sanitized ? 8 : 1;

} // namespace buzon::test

#undef BUZON_HAS_FEATURE
