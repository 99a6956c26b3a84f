// auth/octets.h - constant-time comparison and wiping of secret octets. Knows no
// schemes.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace buzon::auth {

// A view of a digest, for functions that take a string_view. Must not outlive the digest.
template <std::size_t size>
[[nodiscard]] std::string_view octets(const std::array<unsigned char, size>& digest) noexcept {
    return {reinterpret_cast<const char*>(digest.data()), size};
}

// Whether both contain the same octets, in a time that depends only on the lengths.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

// Overwrites the octets in a way that no optimiser removes. Copies that a string made earlier are not reached.
void wipe(void* octets, std::size_t size) noexcept;
void wipe(std::string& secret) noexcept;

} // namespace buzon::auth
