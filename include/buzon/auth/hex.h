// auth/hex.h - octets as hexadecimal digits and back.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace buzon::auth {

// Two lower-case digits an octet.
[[nodiscard]] std::string encode_hex(std::string_view octets);

// Digits of either case, an even number of them; anything else is nothing.
[[nodiscard]] std::optional<std::string> decode_hex(std::string_view digits);

} // namespace buzon::auth
