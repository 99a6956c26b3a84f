// line/escapes.h - octets written as a mark and two hexadecimal digits: %XX, =XX, \xXX.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace buzon::line {

// The octet given by the two hexadecimal digits (of either case) at the front; nothing if they are not there.
[[nodiscard]] std::optional<char> hex_octet(std::string_view digits) noexcept;

// Decodes each mark followed by two hexadecimal digits; any other mark stays as it is.
[[nodiscard]] std::string without_escapes(std::string_view text, char mark = '%');

} // namespace buzon::line
