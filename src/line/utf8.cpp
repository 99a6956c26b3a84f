#include "buzon/line/utf8.h"

namespace buzon::line {

std::optional<char32_t> take_character(std::string_view& text) noexcept {
    if (text.empty()) return std::nullopt;
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80) {
        text.remove_prefix(1);
        return lead;
    }
    std::size_t length = 0;
    char32_t least = 0; // a smaller value would be an overlong form
    char32_t character = 0;
    if (lead >= 0xc2 && lead <= 0xdf)
        length = 2, least = 0x80, character = lead & 0x1fU;
    else if (lead >= 0xe0 && lead <= 0xef)
        length = 3, least = 0x800, character = lead & 0x0fU;
    else if (lead >= 0xf0 && lead <= 0xf4)
        length = 4, least = 0x10000, character = lead & 0x07U;
    else
        return std::nullopt;
    if (text.size() < length) return std::nullopt;
    for (std::size_t i = 1; i < length; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xc0) != 0x80) return std::nullopt;
        character = character << 6 | (next & 0x3fU);
    }
    const bool surrogate = character >= 0xd800 && character <= 0xdfff;
    if (character < least || character > 0x10ffff || surrogate) return std::nullopt;
    text.remove_prefix(length);
    return character;
}

bool is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        if (static_cast<unsigned char>(text[0]) < 0x80)
            text.remove_prefix(1);
        else if (!take_character(text))
            return false;
    }
    return true;
}

void append_utf8(std::string& text, char32_t character) {
    const auto low_bits = [character](unsigned shift) { return static_cast<char>(0x80 | (character >> shift & 0x3f)); };
    if (character < 0x80) {
        text += static_cast<char>(character);
    } else if (character < 0x800) {
        text += static_cast<char>(0xc0 | character >> 6);
        text += low_bits(0);
    } else if (character < 0x10000) {
        text += static_cast<char>(0xe0 | character >> 12);
        text += low_bits(6);
        text += low_bits(0);
    } else {
        text += static_cast<char>(0xf0 | character >> 18);
        text += low_bits(12);
        text += low_bits(6);
        text += low_bits(0);
    }
}

} // namespace buzon::line
