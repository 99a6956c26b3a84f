// auth/utf8.h - UTF-8, read strictly (RFC 3629): one spelling a character, no surrogates, nothing above U+10FFFF.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace buzon::auth {

// Takes one character off the front of `text`; nothing, and `text` as it was, when it is empty or begins badly.
[[nodiscard]] std::optional<char32_t> take_character(std::string_view& text) noexcept;

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

void append_utf8(std::string& text, char32_t character);

} // namespace buzon::auth
