// auth/sha256.h - SHA-256 (FIPS 180-4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace buzon::auth {

// Accepts input in any pieces. A copy continues from the state of the original.
class Sha256 {
public:
    static constexpr std::size_t block_octets = 64;
    static constexpr std::size_t digest_octets = 32;
    using Digest = std::array<unsigned char, digest_octets>;

    void update(std::string_view octets) noexcept;
    // Ends the input; afterwards the object can only be assigned to.
    [[nodiscard]] Digest finish() noexcept;

private:
    void compress(const unsigned char* block) noexcept;

    std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<unsigned char, block_octets> pending_{};
    std::uint64_t taken_ = 0; // octets of input so far
};

[[nodiscard]] Sha256::Digest sha256(std::string_view octets) noexcept;

} // namespace buzon::auth
