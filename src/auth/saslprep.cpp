#include "buzon/auth/saslprep.h"

#include <algorithm>
#include <span>

#include "buzon/line/utf8.h"

namespace buzon::auth {
namespace {

struct Range {
    char32_t first, last;
};

// RFC 3454 table C.1.2.
constexpr Range spaces[] = {{0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200b},
                            {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}};

// RFC 3454 table B.1.
constexpr Range mapped_to_nothing[] = {{0xad, 0xad},     {0x34f, 0x34f},   {0x1806, 0x1806}, {0x180b, 0x180d},
                                       {0x200b, 0x200d}, {0x2060, 0x2060}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}};

// RFC 3454 tables C.2 to C.9; the last two characters of every plane are handled below.
constexpr Range prohibited[] = {{0x0, 0x1f},        {0x7f, 0x9f},       {0x340, 0x341},     {0x6dd, 0x6dd},
                                {0x70f, 0x70f},     {0x180e, 0x180e},   {0x200c, 0x200f},   {0x2028, 0x202e},
                                {0x2060, 0x2063},   {0x206a, 0x206f},   {0x2ff0, 0x2ffb},   {0xd800, 0xf8ff},
                                {0xfdd0, 0xfdef},   {0xfeff, 0xfeff},   {0xfff9, 0xffff},   {0x1d173, 0x1d17a},
                                {0xe0001, 0xe0001}, {0xe0020, 0xe007f}, {0xf0000, 0x10ffff}};

bool is_in(std::span<const Range> table, char32_t character) noexcept {
    const auto range = std::upper_bound(table.begin(), table.end(), character,
                                        [](char32_t c, const Range& candidate) { return c < candidate.first; });
    return range != table.begin() && character <= std::prev(range)->last;
}

bool is_prohibited(char32_t character) noexcept {
    return is_in(prohibited, character) || (character & 0xfffe) == 0xfffe;
}

} // namespace

std::optional<std::string> saslprep(std::string_view text) {
    if (std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; })) return std::string{text};
    std::string prepared;
    prepared.reserve(text.size());
    while (!text.empty()) {
        const std::optional<char32_t> character = line::take_character(text);
        if (!character) return std::nullopt;
        // Spaces first: U+200B is in both tables.
        if (is_in(spaces, *character))
            prepared += ' ';
        else if (is_in(mapped_to_nothing, *character))
            continue;
        else if (is_prohibited(*character))
            return std::nullopt;
        else
            line::append_utf8(prepared, *character);
    }
    return prepared;
}

} // namespace buzon::auth
