// message/charset.h - converts the character sets found in headers to UTF-8. Private to message/.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace buzon::message {

enum class Charset { utf8, latin1, latin9, windows1252, foreign, unknown }; // foreign: known to iconv(3)

// US-ASCII counts as UTF-8; std::nullopt for an unknown one.
[[nodiscard]] std::optional<Charset> charset_named(std::string_view name) noexcept;
// Always returns valid UTF-8. With Charset::utf8 or unknown, text that is not valid UTF-8 is read as Windows-1252.
[[nodiscard]] std::string to_utf8(std::string_view octets, Charset charset);
// The lower-case letter of a code point from U+00C0 to U+017F; otherwise the code point itself.
[[nodiscard]] unsigned lower_letter(unsigned point) noexcept;

// Character sets known only to the C library (iconv(3)), which loads files for them, so only workers may use these.
// `name` comes from the message.
[[nodiscard]] bool is_foreign_charset(std::string_view name);
// Always returns valid UTF-8, at most about eight times as long; invalid input becomes U+FFFD. Empty for an unknown
// charset.
[[nodiscard]] std::string foreign_to_utf8(std::string_view octets, std::string_view name);

} // namespace buzon::message
