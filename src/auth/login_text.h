// auth/login_text.h - names and passwords as clients send them.
#pragma once

#include <string>
#include <string_view>

#include "buzon/auth/saslprep.h"
#include "buzon/auth/utf8.h"

namespace buzon::auth {

// The name to look up. A name that SASLprep prohibits is unchanged and belongs to nobody.
[[nodiscard]] inline std::string prepared_user(std::string_view name) {
    auto prepared = saslprep(name);
    return prepared ? std::move(*prepared) : std::string{name};
}

// Valid by RFC 4616: UTF-8, not empty, no NUL.
[[nodiscard]] inline bool is_login_text(std::string_view text) {
    return !text.empty() && text.find('\0') == text.npos && is_utf8(text);
}

} // namespace buzon::auth
