#include "buzon/terminal/keys.h"

#include <algorithm>
#include <optional>

#include "buzon/terminal/text.h"

namespace buzon::client {
namespace {

using Code = Key::Code;

struct Sequences {
    Code code;
    std::string_view bytes; // after ESC, separated by blanks
};

// As sent by xterm, the Linux console, screen, tmux, rxvt and the VT220.
constexpr Sequences sequences[] = {
    {Code::up, "[A OA"},
    {Code::down, "[B OB"},
    {Code::right, "[C OC"},
    {Code::left, "[D OD"},
    {Code::home, "[H OH [1~ [7~ [1;5H"},
    {Code::end, "[F OF [4~ [8~ [1;5F"},
    {Code::erase, "[3~"},
    {Code::page_up, "[5~"},
    {Code::page_down, "[6~"},
    {Code::word_right, "[1;5C [1;3C [5C Oc f"},
    {Code::word_left, "[1;5D [1;3D [5D Od b"},
    {Code::erase_word, "\x7f \b"},
    {Code::erase_word_right, "d"},
    {Code::paste_begin, "[200~"},
    {Code::paste_end, "[201~"},
};

// Length of the escape sequence at the front; nothing if it is incomplete (ECMA-48 section 5.4).
std::optional<std::size_t> escape_length(std::string_view bytes) {
    if (bytes.size() < 2) return std::nullopt;
    if (bytes[1] == 'O') return bytes.size() < 3 ? std::nullopt : std::optional<std::size_t>{3};
    if (bytes[1] != '[') return 2;
    constexpr std::size_t longest = 32;
    for (std::size_t i = 2; i < bytes.size(); ++i) {
        if (bytes[i] >= 0x40 && bytes[i] <= 0x7E) return i + 1;
        if (bytes[i] < 0x20 || i == longest) return i; // not a sequence after all: a key follows
    }
    return std::nullopt;
}

Key escape_key(std::string_view behind_escape) {
    for (const Sequences& known : sequences) {
        const auto all = words_of(known.bytes);
        if (std::find(all.begin(), all.end(), behind_escape) != all.end()) return {known.code};
    }
    return {Code::other};
}

Key control_key(char c) {
    switch (c) {
    case '\r':
    case '\n': return {Code::enter};
    case '\t': return {Code::tab};
    case '\b':
    case 0x7F: return {Code::backspace};
    default: return {Code::control, std::string(1, static_cast<char>(c + '@'))};
    }
}

// The first octet gives the length; invalid octets are taken one by one.
bool is_half_character(std::string_view bytes) noexcept {
    const auto lead = static_cast<unsigned char>(bytes.front());
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1;
    if (lead > 0xF4 || bytes.size() >= length) return false;
    for (const char c : bytes.substr(1)) {
        if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) return false;
    }
    return true;
}

} // namespace

std::vector<Key> KeyReader::feed(std::string_view bytes) {
    held_ += bytes;
    std::string_view rest = held_;
    std::vector<Key> keys;
    while (!rest.empty()) {
        std::size_t taken = 1;
        const auto c = static_cast<unsigned char>(rest.front());
        if (c == 0x1B) {
            const auto length = escape_length(rest);
            if (!length) break;
            taken = *length;
            keys.push_back(escape_key(rest.substr(1, taken - 1)));
        } else if (c < 0x20 || c == 0x7F) {
            keys.push_back(control_key(rest.front()));
        } else {
            if (is_half_character(rest)) break;
            const Character here = first_character(rest);
            taken = here.octets;
            const bool wrong = here.code == 0xFFFD || (here.code >= 0x80 && here.code < 0xA0);
            keys.push_back(wrong ? Key{Code::other} : Key{Code::text, std::string{rest.substr(0, taken)}});
        }
        rest.remove_prefix(taken);
    }
    held_ = std::string{rest};
    return keys;
}

} // namespace buzon::client
