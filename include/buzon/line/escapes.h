// line/escapes.h - octets written as a mark and two hexadecimal digits: %XX, =XX, \xXX.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace buzon::line {

// The octet written as two hexadecimal digits of either case at the front, if they are there.
[[nodiscard]] std::optional<char> hex_octet(std::string_view digits) noexcept;

// Decodes each mark that two digits follow; any other mark stays as it is.
[[nodiscard]] std::string without_escapes(std::string_view text, char mark = '%');

} // namespace buzon::line
