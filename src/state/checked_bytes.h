// state/checked_bytes.h - writes numbers and texts as the octets of a file, and reads them back with bounds checks.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace buzon::state {

// Seven bits per octet, the lowest first; the high bit means that more follow (LEB128).
inline void put_number(std::uint64_t number, std::string& out) {
    while (number >= 0x80) {
        out += static_cast<char>(number | 0x80);
        number >>= 7;
    }
    out += static_cast<char>(number);
}

inline void put_text(std::string_view text, std::string& out) {
    put_number(text.size(), out);
    out += text;
}

// Reads from the front of untrusted octets.
class ByteReader {
public:
    explicit ByteReader(std::string_view bytes) : rest_{bytes} {}

    [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }

    [[nodiscard]] std::optional<std::uint64_t> number(std::uint64_t max = UINT64_MAX) {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < rest_.size() && i < 10; ++i) {
            const auto octet = static_cast<unsigned char>(rest_[i]);
            if (i == 9 && octet > 1) return std::nullopt; // more than 64 bits
            value |= std::uint64_t{octet & 0x7Fu} << (7 * i);
            if ((octet & 0x80u) != 0) continue;
            rest_.remove_prefix(i + 1);
            if (value > max) return std::nullopt;
            return value;
        }
        return std::nullopt;
    }

    [[nodiscard]] std::optional<std::string_view> text(std::size_t max) {
        const auto size = number(max);
        if (!size || *size > rest_.size()) return std::nullopt;
        const std::string_view found = rest_.substr(0, *size);
        rest_.remove_prefix(*size);
        return found;
    }

private:
    std::string_view rest_;
};

// CRC-32 as in ISO 3309 (zlib, PNG).
[[nodiscard]] inline std::uint32_t crc32(std::string_view bytes) noexcept {
    static constexpr auto table = [] {
        std::array<std::uint32_t, 256> made{};
        for (std::uint32_t i = 0; i < 256; ++i) {
            std::uint32_t c = i;
            for (int k = 0; k < 8; ++k) c = (c & 1u) != 0 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
            made[i] = c;
        }
        return made;
    }();
    std::uint32_t crc = 0xFFFFFFFFu;
    for (const char c : bytes) crc = table[(crc ^ static_cast<unsigned char>(c)) & 0xFFu] ^ (crc >> 8);
    return crc ^ 0xFFFFFFFFu;
}

} // namespace buzon::state
