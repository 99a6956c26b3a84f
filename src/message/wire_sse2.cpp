#include "wire_kernel.h"

#ifdef __SSE2__

#include <emmintrin.h>

#include <algorithm>

namespace buzon::message {
namespace {

// 16 octets.
struct Block {
    static constexpr std::ptrdiff_t width = 16;
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

// The octets of a vector can hold the counts of up to 255 blocks; then they are summed.
void count_blocks(const char* data, std::size_t size, WireCounts& counts) noexcept {
    constexpr std::size_t width = Block::width;
    const Block lf = Block::all('\n'), cr = Block::all('\r'), dot = Block::all('.');
    std::size_t at = 0;
    while (size - at >= width) {
        const std::size_t blocks = std::min<std::size_t>((size - at) / width, 255);
        Block line_feeds = Block::all(0), crlfs = Block::all(0), dots = Block::all(0);
        for (const std::size_t end = at + blocks * width; at != end; at += width) {
            const Block here = Block::load(data + at), before = Block::load(data + at - 1);
            const Block ends = here.equal(lf);
            line_feeds = line_feeds.minus(ends);
            crlfs = crlfs.minus(ends.with(before.equal(cr)));
            dots = dots.minus(here.equal(dot).with(before.equal(lf)));
        }
        counts.line_feeds += line_feeds.sum();
        counts.crlfs += crlfs.sum();
        counts.leading_dots += dots.sum();
    }
    wire_portable.count(data + at, size - at, counts);
}

// Copies block by block. If a block contains a line feed, what was copied after it is overwritten. So the loop needs
// room for a block, a line end and a doubled dot; the rest is done octet by octet.
DotStuffer::Progress stuff_blocks(std::string_view stored, std::span<char> room, char& last) noexcept {
    constexpr std::ptrdiff_t width = Block::width;
    constexpr std::ptrdiff_t max_output = width + 4;
    const Block lf = Block::all('\n');
    WireCursor at{stored.data(), stored.data() + stored.size(), room.data(), room.data() + room.size(), last};
    // The loop detects a leading dot only after a line feed that it has processed itself.
    while (at.last == '\n' && at.in != at.in_end && at.step(1)) {
    }
    while (at.in_end - at.in > width && at.out_end - at.out >= max_output) {
        const Block block = Block::load(at.in);
        block.store(at.out);
        const std::uint32_t ends = block.equal(lf).mask();
        if (ends == 0) {
            at.in += width;
            at.out += width;
            at.last = at.in[-1];
            continue;
        }
        const int text = __builtin_ctz(ends);
        const char before = text == 0 ? at.last : at.in[text - 1];
        at.in += text + 1;
        at.out += text;
        if (before != '\r') *at.out++ = '\r';
        *at.out++ = '\n';
        at.last = '\n';
        if (*at.in == '.') { // the input is longer than a block, so this can be read
            *at.out++ = '.';
            *at.out++ = '.';
            at.last = '.';
            ++at.in;
        }
    }
    at.step(stored.size());
    last = at.last;
    return {static_cast<std::size_t>(at.in - stored.data()), static_cast<std::size_t>(at.out - room.data())};
}

} // namespace

const WireKernel wire_sse2{"sse2", count_blocks, stuff_blocks};

} // namespace buzon::message

#endif
