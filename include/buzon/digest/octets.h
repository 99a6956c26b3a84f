// digest/octets.h - constant-time comparison and wiping of secret octets. Knows no
// schemes.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "buzon/posix/secret_text.h"

namespace buzon::digest {

// A view of a digest, for functions that take a string_view. Must not outlive the digest.
template <std::size_t size>
[[nodiscard]] std::string_view octets(const std::array<unsigned char, size>& digest) noexcept {
    return {reinterpret_cast<const char*>(digest.data()), size};
}

// Whether both contain the same octets, in a time that depends only on the lengths.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

using posix::wipe;

} // namespace buzon::digest
