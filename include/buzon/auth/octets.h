// auth/octets.h - the two things one does with secret octets: compare them without telling how far they agree,
// and wipe them. Knows no scheme.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace buzon::auth {

// A digest seen as text of octets, for everything that takes a string_view. Must not outlive the digest.
template <std::size_t size>
[[nodiscard]] std::string_view octets(const std::array<unsigned char, size>& digest) noexcept {
    return {reinterpret_cast<const char*>(digest.data()), size};
}

// Whether both hold the same octets, in a time that depends on the lengths alone.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

// Overwrites the octets, in a way no optimiser removes. What a string copied elsewhere before is out of reach.
void wipe(void* octets, std::size_t size) noexcept;
void wipe(std::string& secret) noexcept;

} // namespace buzon::auth
