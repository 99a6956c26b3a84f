// message/wire_kernel.h - the inner loops of dot_stuffer.h, scalar and vectorized. Private to message/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "buzon/message/dot_stuffer.h"

namespace buzon::message {

struct WireCounts {
    std::uint64_t line_feeds = 0;
    std::uint64_t crlfs = 0;        // line feeds that follow a CR
    std::uint64_t leading_dots = 0; // dots that follow a line feed
};

struct WireKernel {
    const char* name;
    // Counts data[0, size). Also reads data[-1], the preceding octet of the message.
    void (*count)(const char* data, std::size_t size, WireCounts& counts) noexcept;
    // Stuffs until `stored` is consumed or `room` is full. `last` is the preceding octet, and on return the last one
    // consumed.
    DotStuffer::Progress (*stuff)(std::string_view stored, std::span<char> room, char& last) noexcept;
};

// Octet by octet: used at the edges of the faster loops, and as the reference to test them against.
struct WireCursor {
    const char* in;
    const char* in_end;
    char* out;
    char* out_end;
    char last;

    // Consumes octets until `limit` have been consumed, the input ends or the room is full (then false).
    bool step(std::size_t limit) noexcept {
        for (; limit != 0 && in != in_end; --limit) {
            const char c = *in;
            const bool doubled = c == '.' && last == '\n';
            const bool bare = c == '\n' && last != '\r';
            if (out_end - out < (doubled || bare ? 2 : 1)) return false;
            if (doubled) *out++ = '.';
            if (bare) *out++ = '\r';
            *out++ = c;
            last = c;
            ++in;
        }
        return true;
    }
};

extern const WireKernel wire_portable;
#ifdef __SSE2__
extern const WireKernel wire_sse2;
inline const WireKernel& wire_kernel = wire_sse2;
#else
inline const WireKernel& wire_kernel = wire_portable;
#endif

} // namespace buzon::message
