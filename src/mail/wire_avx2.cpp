#include "wire_kernel.h"

#ifdef __SSE2__

#include <immintrin.h>

#include <algorithm>

namespace buzon::mail {
namespace {

// Only the functions of this file use the wide vectors: the rest of the program runs on any x86-64.
#define BUZON_VECTORS __attribute__((target("avx2")))

struct Block {
    static constexpr std::size_t width = 32;
    __m256i v;

    BUZON_VECTORS static Block all(char c) noexcept { return {_mm256_set1_epi8(c)}; }
    BUZON_VECTORS static Block load(const char* p) noexcept {
        return {_mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(p)))};
    }
    BUZON_VECTORS void store(char* p) const noexcept {
        _mm256_storeu_si256(static_cast<__m256i*>(static_cast<void*>(p)), v);
    }
    BUZON_VECTORS Block equal(Block o) const noexcept { return {_mm256_cmpeq_epi8(v, o.v)}; }
    BUZON_VECTORS Block with(Block o) const noexcept { return {_mm256_and_si256(v, o.v)}; }
    BUZON_VECTORS Block minus(Block o) const noexcept { return {_mm256_sub_epi8(v, o.v)}; }
    BUZON_VECTORS std::uint32_t mask() const noexcept { return static_cast<std::uint32_t>(_mm256_movemask_epi8(v)); }
    BUZON_VECTORS std::uint64_t sum() const noexcept {
        alignas(32) std::uint64_t quarters[4];
        _mm256_store_si256(static_cast<__m256i*>(static_cast<void*>(quarters)),
                           _mm256_sad_epu8(v, _mm256_setzero_si256()));
        return quarters[0] + quarters[1] + quarters[2] + quarters[3];
    }
};

#include "wire_loops.h"

} // namespace

const WireKernel wire_avx2{"avx2", count_blocks, stuff_blocks};

} // namespace buzon::mail

#endif
