// filter/held_output.h - the first octets of a program's output, held back until its fate is known. Pure.
//
// Contract section 3: nothing of a message is sent while its program may still fail and no more than the limit has been
// written. So a small message is answered with its exact octet count or a clean -ERR; a longer one streams.
// Holds the output as the program wrote it: the limit counts raw octets, and the owner gives them their wire form.
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

    // limit: that many octets are held, one more lets them go.
    explicit HeldOutput(std::size_t limit = default_limit) noexcept : limit_{limit} {}

    [[nodiscard]] bool holding() const noexcept { return size_ <= limit_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    // Where the next piece of output goes, never empty while holding; valid until the next call.
    [[nodiscard]] std::span<char> room();
    // octets: how many of room() were written.
    void filled(std::size_t octets) noexcept;

    // All that was held, in order; the memory goes with it. Call it once, when no longer holding or at the end.
    [[nodiscard]] std::string take();

private:
    std::size_t limit_;
    std::size_t size_ = 0;
    std::string octets_; // its length is the room made so far, size_ of it is filled
};

} // namespace buzon::filter
