#include "buzon/message/file_name.h"

#include <algorithm>
#include <limits>

namespace buzon::message {
namespace {

constexpr std::string_view flags_start = ":2,";

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

// Removes the digits at the start of `text` and returns their value.
std::uint64_t take_number(std::string_view& text) noexcept {
    constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t number = 0;
    for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
        const auto digit = static_cast<std::uint64_t>(text.front() - '0');
        number = number > (largest - digit) / 10 ? largest : number * 10 + digit;
    }
    return number;
}

} // namespace

bool is_message_name(std::string_view name) noexcept {
    if (name.empty() || name.size() > 255 || name.front() == '.') return false;
    return std::none_of(name.begin(), name.end(), [](char c) { return c == '/' || c == '\0'; });
}

std::string_view flags(std::string_view file_name) noexcept {
    const std::string_view info = file_name.substr(base_name(file_name).size());
    return info.substr(0, flags_start.size()) == flags_start ? info.substr(flags_start.size()) : std::string_view{};
}

std::string seen_name(std::string_view file_name) {
    std::string letters{flags(file_name)};
    letters += 'S';
    std::sort(letters.begin(), letters.end());
    letters.erase(std::unique(letters.begin(), letters.end()), letters.end());
    return std::string{base_name(file_name)}.append(flags_start).append(letters);
}

Delivered delivered(std::string_view base_name) noexcept {
    if (base_name.empty() || !is_digit(base_name.front())) return {};
    Delivered when{true, take_number(base_name), 0};
    if (base_name.empty() || base_name.front() != '.') return when;
    base_name.remove_prefix(1);
    std::string_view unique = base_name.substr(0, base_name.find('.'));
    while (!unique.empty()) {
        const bool here = unique.front() == 'M';
        unique.remove_prefix(1);
        if (!here || unique.empty() || !is_digit(unique.front())) continue;
        when.microseconds = take_number(unique);
        break;
    }
    return when;
}

bool fits_as_uidl(std::string_view text) noexcept {
    return text.size() <= 70 && may_be_uidl(text, text);
}

bool may_be_uidl(std::string_view text, std::string_view base_name) noexcept {
    if (text.empty() || text.size() > 255 || (text.size() > 70 && text != base_name)) return false;
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x21 && c <= 0x7E; });
}

std::string hashed_uidl(std::string_view base_name, std::uint64_t salt) {
    // 128-bit FNV-1a of the name, followed by the salt if it is not 0.
    __extension__ using Wide = unsigned __int128;
    constexpr Wide prime = (Wide{1} << 88) + 0x13B;
    Wide hash = (Wide{0x6C62272E07BB0142} << 64) + 0x62B821756295C58D;
    const auto add = [&](unsigned char octet) { hash = (hash ^ octet) * prime; };
    for (const char c : base_name) add(static_cast<unsigned char>(c));
    for (std::uint64_t rest = salt; rest != 0; rest >>= 8) add(static_cast<unsigned char>(rest & 0xFF));
    std::string text(32, '0');
    for (auto digit = text.rbegin(); digit != text.rend(); ++digit, hash >>= 4)
        *digit = "0123456789abcdef"[static_cast<unsigned>(hash & 0xF)];
    return text;
}

} // namespace buzon::message
