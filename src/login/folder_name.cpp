#include "folder_name.h"

#include <climits>
#include <cstdint>

#include "buzon/line/utf8.h"

namespace buzon::login {
namespace {

// Base64 with ',' for '/', without padding.
class ModifiedBase64 {
public:
    explicit ModifiedBase64(std::string& out) : out_{out} {}
    void put(std::uint32_t unit) { // of UTF-16
        for (const std::uint32_t octet : {unit >> 8 & 0xff, unit & 0xff}) {
            held_ = held_ << 8 | octet;
            for (bits_ += 8; bits_ >= 6; bits_ -= 6) digit(held_ >> (bits_ - 6) & 63);
        }
    }
    void finish() {
        if (bits_ > 0) digit(held_ << (6 - bits_) & 63);
    }

private:
    void digit(std::uint32_t value) {
        constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
        out_ += digits[value];
    }
    std::string& out_;
    std::uint32_t held_ = 0;
    unsigned bits_ = 0; // of held_ that are not yet written
};

bool is_plain(char32_t c) noexcept {
    return c >= ' ' && c <= '~';
}

// Appends a run of characters that are not plain: `first`, and more from the start of `rest`.
void append_run(std::string& out, char32_t first, std::string_view& rest) {
    out += '&';
    ModifiedBase64 base64{out};
    for (char32_t c = first;;) {
        if (c >= 0x10000) {
            base64.put(static_cast<std::uint32_t>(0xd800 + ((c - 0x10000) >> 10)));
            base64.put(static_cast<std::uint32_t>(0xdc00 + ((c - 0x10000) & 0x3ff)));
        } else {
            base64.put(static_cast<std::uint32_t>(c));
        }
        std::string_view next = rest;
        const auto character = line::take_character(next);
        if (!character || is_plain(*character)) break;
        c = *character;
        rest = next;
    }
    base64.finish();
    out += '-';
}

} // namespace

std::optional<std::string> folder_directory(std::string_view name) {
    const bool dotted = name.starts_with('.') || name.ends_with('.') || name.find("..") != name.npos;
    if (name.empty() || dotted || name.find('/') != name.npos || !line::is_utf8(name)) return std::nullopt;
    std::string directory{"."};
    while (!name.empty()) {
        const char32_t character = *line::take_character(name);
        if (character < ' ' || character == 0x7f) return std::nullopt;
        if (character == '&')
            directory += "&-";
        else if (is_plain(character))
            directory += static_cast<char>(character);
        else
            append_run(directory, character, name);
    }
    if (directory.size() > NAME_MAX) return std::nullopt;
    return directory;
}

} // namespace buzon::login
