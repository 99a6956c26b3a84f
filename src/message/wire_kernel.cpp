#include "wire_kernel.h"

#include <algorithm>
#include <cstring>

namespace buzon::message {
namespace {

void count_lines(const char* data, std::size_t size, WireCounts& counts) noexcept {
    if (size == 0) return;
    const char* const end = data + size;
    counts.leading_dots += *data == '.' && data[-1] == '\n';
    const auto next = [end](const char* from) {
        return static_cast<const char*>(std::memchr(from, '\n', static_cast<std::size_t>(end - from)));
    };
    for (const char* at = next(data); at != nullptr; at = next(at + 1)) {
        ++counts.line_feeds;
        counts.crlfs += at[-1] == '\r';
        if (at + 1 == end) break;
        counts.leading_dots += at[1] == '.';
    }
}

// Copies whole runs up to the next line feed, and the octets around a line end one by one.
DotStuffer::Progress stuff_runs(std::string_view stored, std::span<char> room, char& last) noexcept {
    WireCursor at{stored.data(), stored.data() + stored.size(), room.data(), room.data() + room.size(), last};
    while (at.in != at.in_end && at.step(1)) {
        const void* const line_feed = std::memchr(at.in, '\n', static_cast<std::size_t>(at.in_end - at.in));
        const char* const line_end = line_feed ? static_cast<const char*>(line_feed) : at.in_end;
        if (at.last == '\n' || line_end == at.in) continue; // a leading dot is possible here
        const auto run = static_cast<std::size_t>(std::min(line_end - at.in, at.out_end - at.out));
        if (run == 0) break;
        std::memcpy(at.out, at.in, run);
        at.in += run;
        at.out += run;
        at.last = at.in[-1];
    }
    last = at.last;
    return {static_cast<std::size_t>(at.in - stored.data()), static_cast<std::size_t>(at.out - room.data())};
}

} // namespace

const WireKernel wire_portable{"portable", count_lines, stuff_runs};

} // namespace buzon::message
