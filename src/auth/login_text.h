// auth/login_text.h - names and passwords as clients send them.
#pragma once

#include <string>
#include <string_view>

#include "buzon/auth/saslprep.h"
#include "buzon/auth/utf8.h"

namespace buzon::auth {

// The name to look up. What SASLprep prohibits stays as it is and is nobody's name.
[[nodiscard]] inline std::string prepared_user(std::string_view name) {
    auto prepared = saslprep(name);
    return prepared ? std::move(*prepared) : std::string{name};
}

// Text as RFC 4616 wants it: UTF-8, not empty, no NUL.
[[nodiscard]] inline bool is_login_text(std::string_view text) {
    return !text.empty() && text.find('\0') == text.npos && is_utf8(text);
}

} // namespace buzon::auth
