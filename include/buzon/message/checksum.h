// message/checksum.h - detects torn or damaged files at the speed of reading memory. No protection against attackers.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace buzon::message {

// Four lanes of eight octets. Each step is a bijection of its lane, so damage within one lane is always detected, and
// other damage with a probability of 1 - 2^-64. Part of file formats, so it must never change.
[[nodiscard]] inline std::uint64_t checksum(std::string_view bytes) noexcept {
    constexpr std::uint64_t odd = 0x9E3779B97F4A7C15; // 2^64 divided by the golden ratio
    const auto turn = [](std::uint64_t x) { return (x << 29) | (x >> 35); };
    std::uint64_t lanes[4] = {1, 2, 3, 4};
    const auto mix = [&](const char* block) {
        std::uint64_t words[4];
        std::memcpy(words, block, sizeof words);
        for (int i = 0; i < 4; ++i) lanes[i] = turn((lanes[i] ^ words[i]) * odd);
    };
    std::uint64_t sum = bytes.size();
    for (; bytes.size() >= sizeof lanes; bytes.remove_prefix(sizeof lanes)) mix(bytes.data());
    if (!bytes.empty()) {
        char last[sizeof lanes] = {};
        std::memcpy(last, bytes.data(), bytes.size());
        mix(last);
    }
    for (const std::uint64_t lane : lanes) sum = turn((sum ^ lane) * odd);
    return sum ^ (sum >> 32);
}

} // namespace buzon::message
