// digest/sha1.h - SHA-1 (FIPS 180-4), for old password hashes stored by other servers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace buzon::digest {

// Accepts input in any pieces. A copy continues from the state of the original.
class Sha1 {
public:
    static constexpr std::size_t block_octets = 64;
    static constexpr std::size_t digest_octets = 20;
    using Digest = std::array<unsigned char, digest_octets>;

    void update(std::string_view octets) noexcept;
    // Ends the input; afterwards the object can only be assigned to.
    [[nodiscard]] Digest finish() noexcept;

private:
    void compress(const unsigned char* block) noexcept;

    std::array<std::uint32_t, 5> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    std::array<unsigned char, block_octets> pending_{};
    std::uint64_t taken_ = 0; // octets of input so far
};

} // namespace buzon::digest
