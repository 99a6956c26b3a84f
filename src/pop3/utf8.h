// pop3/utf8.h - whether octets are UTF-8 (RFC 3629).
#pragma once

#include <string_view>

namespace buzon::pop3 {

// Without overlong forms, surrogates and anything beyond U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

} // namespace buzon::pop3
