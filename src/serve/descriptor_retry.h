// serve/descriptor_retry.h - how long to wait when no descriptor is left.
#pragma once

#include <chrono>

namespace buzon::serve {

// Descriptors come free as other sessions finish their messages; looking this often costs nothing and feels like at
// once.
inline constexpr std::chrono::milliseconds descriptor_retry{20};

} // namespace buzon::serve
