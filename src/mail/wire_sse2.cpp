#include "wire_kernel.h"

#ifdef __SSE2__

#include <emmintrin.h>

#include <algorithm>

namespace buzon::mail {
namespace {

#define BUZON_VECTORS

struct Block {
    static constexpr std::size_t width = 16;
    __m128i v;

    static Block all(char c) noexcept { return {_mm_set1_epi8(c)}; }
    static Block load(const char* p) noexcept {
        return {_mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(p)))};
    }
    void store(char* p) const noexcept { _mm_storeu_si128(static_cast<__m128i*>(static_cast<void*>(p)), v); }
    Block equal(Block o) const noexcept { return {_mm_cmpeq_epi8(v, o.v)}; }
    Block with(Block o) const noexcept { return {_mm_and_si128(v, o.v)}; }
    Block minus(Block o) const noexcept { return {_mm_sub_epi8(v, o.v)}; }
    std::uint32_t mask() const noexcept { return static_cast<std::uint32_t>(_mm_movemask_epi8(v)); }
    std::uint64_t sum() const noexcept {
        alignas(16) std::uint64_t halves[2];
        _mm_store_si128(static_cast<__m128i*>(static_cast<void*>(halves)), _mm_sad_epu8(v, _mm_setzero_si128()));
        return halves[0] + halves[1];
    }
};

#include "wire_loops.h"

} // namespace

const WireKernel wire_sse2{"sse2", count_blocks, stuff_blocks};

} // namespace buzon::mail

#endif
