#include "charset.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <utility>

#include "buzon/message/header.h"

namespace buzon::message {
namespace {

void append(std::string& text, unsigned point) {
    if (point < 0x80) {
        text += static_cast<char>(point);
    } else if (point < 0x800) {
        text += static_cast<char>(0xC0 | point >> 6);
        text += static_cast<char>(0x80 | (point & 0x3F));
    } else {
        text += static_cast<char>(0xE0 | point >> 12);
        text += static_cast<char>(0x80 | (point >> 6 & 0x3F));
        text += static_cast<char>(0x80 | (point & 0x3F));
    }
}

// 0x80 to 0x9F. The five undefined octets map to control characters, as in ISO-8859-1.
constexpr unsigned windows1252[] = {0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021,
                                    0x2C6,  0x2030, 0x160,  0x2039, 0x152,  0x8D,   0x17D,  0x8F,
                                    0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                    0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};

unsigned latin9(unsigned octet) noexcept {
    switch (octet) {
    case 0xA4: return 0x20AC;
    case 0xA6: return 0x160;
    case 0xA8: return 0x161;
    case 0xB4: return 0x17D;
    case 0xB8: return 0x17E;
    case 0xBC: return 0x152;
    case 0xBD: return 0x153;
    case 0xBE: return 0x178;
    default: return octet;
    }
}

bool valid_utf8(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t size = lead < 0x80   ? 1
                                 : lead < 0xC2 ? 0
                                 : lead < 0xE0 ? 2
                                 : lead < 0xF0 ? 3
                                 : lead < 0xF5 ? 4
                                               : 0;
        if (size == 0 || text.size() - i < size) return false;
        for (std::size_t j = 1; j < size; ++j)
            if ((static_cast<unsigned char>(text[i + j]) & 0xC0) != 0x80) return false;
        const auto second = size > 2 ? static_cast<unsigned char>(text[i + 1]) : 0;
        if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F)) return false; // overlong, surrogates
        if ((lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) return false; // overlong, too large
        i += size;
    }
    return true;
}

const iconv_t no_conversion = reinterpret_cast<iconv_t>(-1);

constexpr std::size_t longest_charset_name = 40;
constexpr std::size_t converters_kept = 8; // few messages use more charsets, and many use the same few
constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

// Only characters allowed in a name: "/" introduces options of iconv(3).
bool is_charset_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= longest_charset_name && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view{"-_.:+()"}.find(c) != std::string_view::npos;
    });
}

class Converter {
public:
    explicit Converter(std::string_view name)
        : name_{name}, open_{is_charset_name(name) ? ::iconv_open("UTF-8", name_.c_str()) : no_conversion} {}
    Converter(const Converter&) = delete;
    Converter& operator=(const Converter&) = delete;
    ~Converter() {
        if (open_ != no_conversion) ::iconv_close(open_);
    }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] bool known() const noexcept { return open_ != no_conversion; }

    std::string convert(std::string_view octets) {
        const std::size_t max_size = octets.size() * 8 + 64;
        std::string text;
        ::iconv(open_, nullptr, nullptr, nullptr, nullptr); // back to the initial state
        while (!octets.empty() && text.size() < max_size) {
            const std::size_t before = octets.size();
            const std::size_t wrote = text.size();
            const int error = step(octets, text);
            if (error == 0) continue;
            // A full output buffer is an error only if there was no progress. An incomplete character ends the text.
            if (error == E2BIG && (octets.size() != before || text.size() != wrote)) continue;
            text += replacement_character;
            if (error != EILSEQ) break;
            octets.remove_prefix(1);
        }
        (void)step(octets = {}, text); // flush what it has held back
        return text;
    }

private:
    // Converts as much as possible at once; returns 0 or an errno.
    int step(std::string_view& octets, std::string& text) {
        std::array<char, 1024> room;
        char* from = const_cast<char*>(octets.data());
        char* to = room.data();
        std::size_t left = octets.size();
        std::size_t free = room.size();
        const std::size_t result =
            octets.empty() ? ::iconv(open_, nullptr, nullptr, &to, &free) : ::iconv(open_, &from, &left, &to, &free);
        const int error = result == static_cast<std::size_t>(-1) ? errno : 0;
        octets = octets.substr(octets.size() - left);
        text.append(room.data(), room.size() - free);
        return error;
    }

    std::string name_;
    iconv_t open_;
};

// Keeps the converters that were opened last, including those for unknown charsets.
Converter& converter_for(std::string_view name) {
    static std::deque<Converter> kept;
    const auto found =
        std::find_if(kept.begin(), kept.end(), [&](const Converter& one) { return same_name(one.name(), name); });
    if (found != kept.end()) return *found;
    if (kept.size() == converters_kept) kept.pop_front();
    return kept.emplace_back(name);
}

} // namespace

std::optional<Charset> charset_named(std::string_view name) noexcept {
    constexpr struct {
        std::string_view name;
        Charset charset;
    } known[] = {
        {"utf-8", Charset::utf8},
        {"utf8", Charset::utf8},
        {"us-ascii", Charset::utf8},
        {"ascii", Charset::utf8},
        {"iso-8859-1", Charset::latin1},
        {"latin1", Charset::latin1},
        {"iso8859-1", Charset::latin1},
        {"iso_8859-1", Charset::latin1},
        {"iso-8859-15", Charset::latin9},
        {"latin9", Charset::latin9},
        {"iso8859-15", Charset::latin9},
        {"latin-9", Charset::latin9},
        {"windows-1252", Charset::windows1252},
        {"cp1252", Charset::windows1252},
    };
    for (const auto& one : known)
        if (same_name(one.name, name)) return one.charset;
    return std::nullopt;
}

std::string to_utf8(std::string_view octets, Charset charset) {
    if (charset == Charset::utf8 || charset == Charset::unknown) {
        if (valid_utf8(octets)) return std::string{octets};
        charset = Charset::windows1252;
    }
    std::string text;
    for (const char c : octets) {
        const auto octet = static_cast<unsigned char>(c);
        if (charset == Charset::latin9)
            append(text, latin9(octet));
        else if (charset == Charset::windows1252 && octet >= 0x80 && octet < 0xA0)
            append(text, windows1252[octet - 0x80]);
        else
            append(text, octet);
    }
    return text;
}

unsigned lower_letter(unsigned point) noexcept {
    if (point >= 0xC0 && point <= 0xDE && point != 0xD7) return point + 0x20;
    // From U+0100 on, capital and small letters alternate: a capital is even, except in the two ranges below. A few
    // code points have no counterpart in this range.
    if (point == 0x130 || point == 0x131 || point == 0x138 || point == 0x149 || point == 0x17F) return point;
    if (point == 0x178) return 0xFF;
    const bool odd_is_capital = (point >= 0x139 && point <= 0x148) || (point >= 0x179 && point <= 0x17E);
    if (point >= 0x100 && point <= 0x17E && (point % 2 != 0) == odd_is_capital) return point + 1;
    return point;
}

bool is_foreign_charset(std::string_view name) {
    return is_charset_name(name) && converter_for(name).known();
}

std::string foreign_to_utf8(std::string_view octets, std::string_view name) {
    if (octets.empty() || !is_foreign_charset(name)) return {};
    return converter_for(name).convert(octets);
}

} // namespace buzon::message
