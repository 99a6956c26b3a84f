// digest/base64.h - base64 (RFC 4648 section 4), with strict decoding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace buzon::digest {

// Padded, on one line.
[[nodiscard]] std::string encode_base64(std::string_view octets);

// Accepts exactly one encoding of every value: padding is required, and characters outside the alphabet, octets after
// the padding and stray bits are refused (RFC 4648 sections 3.1 to 3.5).
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

} // namespace buzon::digest
