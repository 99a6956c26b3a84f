// line/utf8.h - strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace buzon::line {

// Takes one character off the front of `text`. Returns nothing, and leaves `text` unchanged, if it is empty or begins
// with invalid UTF-8.
[[nodiscard]] std::optional<char32_t> take_character(std::string_view& text) noexcept;

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

void append_utf8(std::string& text, char32_t character);

} // namespace buzon::line
