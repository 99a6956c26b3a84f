#include "buzon/message/dot_stuffer.h"

#include <algorithm>
#include <array>

#include "wire_kernel.h"

namespace buzon::message {

DotStuffer::Progress DotStuffer::feed_into(std::string_view stored, std::span<char> room) noexcept {
    return wire_kernel.stuff(stored, room, last_);
}

std::size_t DotStuffer::feed_some(std::string_view stored, std::string& wire, std::size_t room) {
    // A string cannot grow without initializing the new octets. So go through a small buffer that stays in the CPU
    // cache.
    std::array<char, 8 * 1024> made;
    std::size_t taken = 0;
    while (taken < stored.size() && room != 0) {
        const Progress step = feed_into(stored.substr(taken), std::span{made}.first(std::min(room, made.size())));
        if (step.taken == 0) break; // there is room for one octet, but two are needed
        wire.append(made.data(), step.made);
        taken += step.taken;
        room -= step.made;
    }
    return taken;
}

void DotStuffer::feed(std::string_view stored, std::string& wire) {
    feed_some(stored, wire, std::string::npos);
}

void DotStuffer::finish(std::string& wire) {
    wire += last_ == '\n' ? ".\r\n" : "\r\n.\r\n";
    last_ = '\n';
}

void OctetCounter::feed(std::string_view stored) noexcept {
    if (stored.empty()) return;
    const char first[] = {last_, stored.front()}; // the kernel reads the preceding octet
    WireCounts counts;
    wire_portable.count(first + 1, 1, counts);
    wire_kernel.count(stored.data() + 1, stored.size() - 1, counts);
    size_ += stored.size();
    line_feeds_ += counts.line_feeds;
    crlfs_ += counts.crlfs;
    leading_dots_ += counts.leading_dots;
    last_ = stored.back();
}

std::uint64_t OctetCounter::finish() const noexcept {
    return size_ + (line_feeds_ - crlfs_) + (last_ == '\n' ? 0 : 2);
}

bool OctetCounter::wire_form() const noexcept {
    return line_feeds_ == crlfs_ && leading_dots_ == 0 && last_ == '\n';
}

} // namespace buzon::message
