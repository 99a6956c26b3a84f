// auth/base64.h - base64 (RFC 4648 section 4), strict in what it takes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace buzon::auth {

// Padded, on one line.
[[nodiscard]] std::string encode_base64(std::string_view octets);

// One spelling for every value: padding is required, and characters outside the alphabet, octets behind the padding
// and stray bits below it are refused (RFC 4648 sections 3.1 to 3.5).
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

} // namespace buzon::auth
