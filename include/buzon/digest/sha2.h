// digest/sha2.h - SHA-256, SHA-384 and SHA-512 (FIPS 180-4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace buzon::digest {

// Accepts input in any pieces. A copy continues from the state of the original. Word: std::uint32_t or std::uint64_t.
template <class Word>
class Sha2 {
public:
    static constexpr std::size_t block_octets = 16 * sizeof(Word);
    static constexpr std::size_t digest_octets = 8 * sizeof(Word);
    using Digest = std::array<unsigned char, digest_octets>;

    Sha2() = default;
    void update(std::string_view octets) noexcept;
    // Ends the input; afterwards the object can only be assigned to.
    [[nodiscard]] Digest finish() noexcept;

private:
    // SHA-256's initial values are the upper halves of SHA-512's, and so are its round constants.
    static constexpr Word of_sha512(std::uint64_t constant) noexcept {
        return static_cast<Word>(constant >> (64 - 8 * sizeof(Word)));
    }
    void compress(const unsigned char* block) noexcept;

protected:
    explicit Sha2(const std::array<Word, 8>& state) noexcept : state_{state} {}

private:
    std::array<Word, 8> state_{of_sha512(0x6a09e667f3bcc908), of_sha512(0xbb67ae8584caa73b),
                               of_sha512(0x3c6ef372fe94f82b), of_sha512(0xa54ff53a5f1d36f1),
                               of_sha512(0x510e527fade682d1), of_sha512(0x9b05688c2b3e6c1f),
                               of_sha512(0x1f83d9abfb41bd6b), of_sha512(0x5be0cd19137e2179)};
    std::array<unsigned char, block_octets> pending_{};
    std::uint64_t taken_ = 0; // octets of input so far
};

extern template class Sha2<std::uint32_t>;
extern template class Sha2<std::uint64_t>;
using Sha256 = Sha2<std::uint32_t>;
using Sha512 = Sha2<std::uint64_t>;

[[nodiscard]] Sha256::Digest sha256(std::string_view octets) noexcept;
// SHA-512 with a different initial state, truncated.
[[nodiscard]] std::array<unsigned char, 48> sha384(std::string_view octets) noexcept;

} // namespace buzon::digest
