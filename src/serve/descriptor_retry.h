// serve/descriptor_retry.h - how long to wait before retrying when out of descriptors.
#pragma once

#include <chrono>

namespace buzon::serve {

// Descriptors become free as other sessions finish their messages. Retrying this often costs nothing and feels
// immediate.
inline constexpr std::chrono::milliseconds descriptor_retry{20};

} // namespace buzon::serve
