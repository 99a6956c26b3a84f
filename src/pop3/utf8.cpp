#include "utf8.h"

#include <cstddef>

namespace buzon::pop3 {

namespace {

// What may follow a first octet: how many octets, and the range of the first of them (RFC 3629 section 4).
struct Form {
    std::size_t followers;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
};
constexpr std::size_t no_form = 4;

constexpr Form form_of(unsigned char first) noexcept {
    if (first < 0x80) return {0};
    if (first >= 0xC2 && first <= 0xDF) return {1};
    if (first == 0xE0) return {2, 0xA0, 0xBF};
    if (first == 0xED) return {2, 0x80, 0x9F};
    if (first >= 0xE1 && first <= 0xEF) return {2};
    if (first == 0xF0) return {3, 0x90, 0xBF};
    if (first >= 0xF1 && first <= 0xF3) return {3};
    if (first == 0xF4) return {3, 0x80, 0x8F};
    return {no_form};
}

} // namespace

bool is_utf8(std::string_view text) noexcept {
    const auto octet = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    for (std::size_t i = 0; i < text.size();) {
        const Form form = form_of(octet(i));
        if (form.followers == no_form || text.size() - i <= form.followers) return false;
        for (std::size_t k = 1; k <= form.followers; ++k) {
            const unsigned char low = k == 1 ? form.low : 0x80;
            const unsigned char high = k == 1 ? form.high : 0xBF;
            if (octet(i + k) < low || octet(i + k) > high) return false;
        }
        i += form.followers + 1;
    }
    return true;
}

} // namespace buzon::pop3
