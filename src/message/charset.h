// message/charset.h - the character sets that are met in headers, to UTF-8. Private to mail/.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace buzon::message {

enum class Charset { utf8, latin1, latin9, windows1252, foreign, unknown }; // foreign: known to iconv(3)

// US-ASCII counts as UTF-8; nothing for a set that is not known here.
[[nodiscard]] std::optional<Charset> charset_named(std::string_view name) noexcept;
// Always valid UTF-8. What is not valid UTF-8 (Charset::utf8 or unknown) is taken for Windows-1252.
[[nodiscard]] std::string to_utf8(std::string_view octets, Charset charset);
// The small letter of a code point from U+00C0 to U+017F; itself where there is none.
[[nodiscard]] unsigned lower_letter(unsigned point) noexcept;

// Character sets that only the C library knows (iconv(3)). It loads files for them: this is for workers only.
// `name` is what some mail says.
[[nodiscard]] bool is_foreign_charset(std::string_view name);
// Always valid UTF-8, at most eight times as long and some; U+FFFD stands for what is not valid in the charset. Empty
// for a charset that is not known.
[[nodiscard]] std::string foreign_to_utf8(std::string_view octets, std::string_view name);

} // namespace buzon::message
