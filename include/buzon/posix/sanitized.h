// posix/sanitized.h - whether this program was built with AddressSanitizer, which maps, traces and reads what no
// program of ours does, and makes it ten times slower.
#pragma once

// g++ says so with a macro, clang++ with a feature.
#ifdef __has_feature
#define BUZON_HAS_FEATURE(name) __has_feature(name)
#else
#define BUZON_HAS_FEATURE(name) 0
#endif

namespace buzon::posix {

#if defined(__SANITIZE_ADDRESS__) || BUZON_HAS_FEATURE(address_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

} // namespace buzon::posix

#undef BUZON_HAS_FEATURE
