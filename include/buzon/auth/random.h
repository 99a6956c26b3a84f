// auth/random.h - unguessable octets from the kernel.
#pragma once

#include <cstddef>
#include <string>

namespace buzon::auth {

// Throws std::system_error if the kernel has no random octets: then no secret can be made.
[[nodiscard]] std::string random_octets(std::size_t count);

} // namespace buzon::auth
