// auth/random.h - octets nobody can guess, from the kernel.
#pragma once

#include <cstddef>
#include <string>

namespace buzon::auth {

// Throws std::system_error where the kernel has no random octets to give: nothing secret can be made then.
[[nodiscard]] std::string random_octets(std::size_t count);

} // namespace buzon::auth
