// digest/block_hash.h - blocks and padding, shared by the SHAs and MD5.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace buzon::digest {

// Passes every complete block to `compress` and keeps the rest in `pending`. `taken` counts all octets so far.
template <std::size_t block, class Compress>
void take_blocks(std::array<unsigned char, block>& pending, std::uint64_t& taken, std::string_view octets,
                 Compress compress) {
    if (octets.empty()) return; // its data() may be null, which memcpy forbids
    const auto* from = reinterpret_cast<const unsigned char*>(octets.data());
    std::size_t left = octets.size();
    std::size_t used = taken % block;
    taken += left;
    if (used > 0) {
        const std::size_t fits = std::min(block - used, left);
        std::memcpy(pending.data() + used, from, fits);
        from += fits;
        left -= fits;
        if (used + fits < block) return;
        compress(pending.data());
    }
    for (; left >= block; from += block, left -= block) compress(from);
    if (left > 0) std::memcpy(pending.data(), from, left);
}

// The final padding: 0x80, zeros, and the length in bits, which `store_length` writes to the last octets.
template <std::size_t length = 8, std::size_t block, class Compress, class StoreLength>
void pad_last_block(std::array<unsigned char, block>& pending, std::uint64_t taken, Compress compress,
                    StoreLength store_length) {
    std::size_t used = taken % block;
    pending[used++] = 0x80;
    if (used > block - length) {
        std::memset(pending.data() + used, 0, block - used);
        compress(pending.data());
        used = 0;
    }
    std::memset(pending.data() + used, 0, block - used);
    store_length(pending.data() + block - 8, taken * 8);
    compress(pending.data());
}

template <class Word>
[[nodiscard]] Word load_big_endian(const unsigned char* at) noexcept {
    Word value = 0;
    for (std::size_t i = 0; i < sizeof(Word); ++i) value = static_cast<Word>(value << 8 | at[i]);
    return value;
}

template <class Word>
void store_big_endian(unsigned char* at, Word value) noexcept {
    for (std::size_t i = sizeof(Word); i-- > 0; value >>= 8) at[i] = static_cast<unsigned char>(value & 0xff);
}

} // namespace buzon::digest
