// digest/hex.h - octets as hexadecimal digits and back.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace buzon::digest {

// Two lower-case digits per octet.
[[nodiscard]] std::string encode_hex(std::string_view octets);

// An even number of digits of either case; nothing for anything else.
[[nodiscard]] std::optional<std::string> decode_hex(std::string_view digits);

} // namespace buzon::digest
