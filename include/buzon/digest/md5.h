// digest/md5.h - MD5 (RFC 1321), only for APOP, CRAM-MD5 and old password hashes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace buzon::digest {

// Accepts input in any pieces. A copy continues from the state of the original.
class Md5 {
public:
    static constexpr std::size_t block_octets = 64;
    static constexpr std::size_t digest_octets = 16;
    using Digest = std::array<unsigned char, digest_octets>;

    void update(std::string_view octets) noexcept;
    // Ends the input; afterwards the object can only be assigned to.
    [[nodiscard]] Digest finish() noexcept;

private:
    void compress(const unsigned char* block) noexcept;

    std::array<std::uint32_t, 4> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    std::array<unsigned char, block_octets> pending_{};
    std::uint64_t taken_ = 0; // octets of input so far
};

[[nodiscard]] Md5::Digest md5(std::string_view octets) noexcept;

} // namespace buzon::digest
