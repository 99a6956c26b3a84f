// digest/random.h - unguessable octets from the kernel.
#pragma once

#include <cstddef>
#include <string>

namespace buzon::digest {

// Throws std::system_error if the kernel has no random octets: then no secret can be made.
[[nodiscard]] std::string random_octets(std::size_t count);

// 32 hexadecimal digits, unguessable and never the same again. Throws as random_octets() does.
[[nodiscard]] std::string fresh_text();

} // namespace buzon::digest
