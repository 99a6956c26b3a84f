#include "buzon/digest/md5.h"

#include <bit>

#include "block_hash.h"

namespace buzon::digest {
namespace {

// floor(2^32 * abs(sin(i + 1))), RFC 1321 section 3.4.
constexpr std::array<std::uint32_t, 64> sines{
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

// Four shifts per round, used in turn.
constexpr std::array<int, 16> shifts{7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};

std::uint32_t load_little_endian(const unsigned char* at) noexcept {
    return std::uint32_t{at[3]} << 24 | std::uint32_t{at[2]} << 16 | std::uint32_t{at[1]} << 8 | std::uint32_t{at[0]};
}

void store_little_endian(unsigned char* at, std::uint64_t value, std::size_t octet_count) noexcept {
    for (std::size_t i = 0; i < octet_count; ++i) at[i] = static_cast<unsigned char>(value >> 8 * i & 0xff);
}

struct Mix {
    std::uint32_t value;
    std::size_t word;
};

Mix mix(std::size_t step, std::uint32_t b, std::uint32_t c, std::uint32_t d) noexcept {
    switch (step / 16) {
    case 0: return {(b & c) | (~b & d), step};
    case 1: return {(b & d) | (c & ~d), (5 * step + 1) % 16};
    case 2: return {b ^ c ^ d, (3 * step + 5) % 16};
    default: return {c ^ (b | ~d), 7 * step % 16};
    }
}

} // namespace

void Md5::compress(const unsigned char* block) noexcept {
    auto [a, b, c, d] = state_;
    for (std::size_t step = 0; step < 64; ++step) {
        const Mix mixed = mix(step, b, c, d);
        const std::uint32_t sum = a + mixed.value + sines[step] + load_little_endian(block + 4 * mixed.word);
        a = d;
        d = c;
        c = b;
        b += std::rotl(sum, shifts[step / 16 * 4 + step % 4]);
    }
    const std::array<std::uint32_t, 4> mixed{a, b, c, d};
    for (std::size_t i = 0; i < 4; ++i) state_[i] += mixed[i];
}

void Md5::update(std::string_view octets) noexcept {
    take_blocks(pending_, taken_, octets, [this](const unsigned char* block) { compress(block); });
}

Md5::Digest Md5::finish() noexcept {
    pad_last_block(
        pending_, taken_, [this](const unsigned char* block) { compress(block); },
        [](unsigned char* at, std::uint64_t bits) { store_little_endian(at, bits, 8); });
    Digest digest;
    for (std::size_t i = 0; i < state_.size(); ++i) store_little_endian(digest.data() + 4 * i, state_[i], 4);
    return digest;
}

Md5::Digest md5(std::string_view octets) noexcept {
    Md5 hash;
    hash.update(octets);
    return hash.finish();
}

} // namespace buzon::digest
