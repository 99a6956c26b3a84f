#include "buzon/line/escapes.h"

namespace buzon::line {
namespace {

int value_of(char digit) noexcept {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

} // namespace

std::optional<char> hex_octet(std::string_view digits) noexcept {
    if (digits.size() < 2) return std::nullopt;
    const int high = value_of(digits[0]), low = value_of(digits[1]);
    if (high < 0 || low < 0) return std::nullopt;
    return static_cast<char>(high * 16 + low);
}

std::string without_escapes(std::string_view text, char mark) {
    std::string octets;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto octet = text[i] == mark ? hex_octet(text.substr(i + 1)) : std::nullopt;
        octets += octet ? *octet : text[i];
        if (octet) i += 2;
    }
    return octets;
}

} // namespace buzon::line
