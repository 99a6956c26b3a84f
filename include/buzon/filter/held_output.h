// filter/held_output.h - the first octets of a program's output, held back until it has ended. No I/O.
//
// Nothing of a message is sent until its program has ended, or has written more than the limit. So a small message gets
// its exact octet count or a clean -ERR; a longer one is streamed. The output is held as the program wrote it: the
// limit counts raw octets, and the owner converts them to wire format.
//
//   holding ── more than the limit arrived ──► not holding: take() gives the beginning, then read elsewhere and stream
//      └────── the program ended ────────────► take() gives the whole message
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace buzon::filter {

class HeldOutput {
public:
    static constexpr std::size_t default_limit = 64 * 1024;

    // limit: the most octets to hold; one more ends holding.
    explicit HeldOutput(std::size_t limit = default_limit) noexcept : limit_{limit} {}

    [[nodiscard]] bool holding() const noexcept { return size_ <= limit_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    // Buffer for the next output, never empty while holding; valid until the next call.
    [[nodiscard]] std::span<char> room();
    // octets: how many of room() were written.
    void filled(std::size_t octets) noexcept;

    // Everything held, in order, moved out. Call it once, when no longer holding or at the end.
    [[nodiscard]] std::string take();

private:
    std::size_t limit_;
    std::size_t size_ = 0;
    std::string octets_; // its length is the allocated room, of which size_ is filled
};

} // namespace buzon::filter
