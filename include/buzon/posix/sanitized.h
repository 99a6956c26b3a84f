// posix/sanitized.h - whether this program was built with AddressSanitizer, which maps memory, traces processes and
// reads files as our programs never do, and makes them ten times slower.
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
