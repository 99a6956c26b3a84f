#include "buzon/digest/sha1.h"

#include <bit>

#include "block_hash.h"

namespace buzon::digest {

void Sha1::compress(const unsigned char* block) noexcept {
    std::array<std::uint32_t, 80> w;
    for (std::size_t i = 0; i < 16; ++i) w[i] = load_big_endian<std::uint32_t>(block + 4 * i);
    for (std::size_t i = 16; i < 80; ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    auto [a, b, c, d, e] = state_;
    for (std::size_t i = 0; i < 80; ++i) {
        std::uint32_t mixed = b ^ c ^ d;
        std::uint32_t constant = i < 40 ? 0x6ed9eba1 : 0xca62c1d6;
        if (i < 20) {
            mixed = (b & c) ^ (~b & d);
            constant = 0x5a827999;
        } else if (i >= 40 && i < 60) {
            mixed = (b & c) ^ (b & d) ^ (c & d);
            constant = 0x8f1bbcdc;
        }
        const std::uint32_t next = std::rotl(a, 5) + mixed + e + constant + w[i];
        e = d;
        d = c;
        c = std::rotl(b, 30);
        b = a;
        a = next;
    }
    const std::array<std::uint32_t, 5> mixed{a, b, c, d, e};
    for (std::size_t i = 0; i < mixed.size(); ++i) state_[i] += mixed[i];
}

void Sha1::update(std::string_view octets) noexcept {
    take_blocks(pending_, taken_, octets, [this](const unsigned char* block) { compress(block); });
}

Sha1::Digest Sha1::finish() noexcept {
    pad_last_block<8>(
        pending_, taken_, [this](const unsigned char* block) { compress(block); },
        [](unsigned char* at, std::uint64_t bits) { store_big_endian(at, bits); });
    Digest digest;
    for (std::size_t i = 0; i < state_.size(); ++i) store_big_endian(digest.data() + 4 * i, state_[i]);
    return digest;
}

} // namespace buzon::digest
