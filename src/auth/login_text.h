// auth/login_text.h - names and passwords as clients send them.
#pragma once

#include <string_view>

#include "buzon/auth/user_name.h"
#include "buzon/line/utf8.h"

namespace buzon::auth {

// Valid according to RFC 4616: UTF-8, not empty, no NUL.
[[nodiscard]] inline bool is_login_text(std::string_view text) {
    return !text.empty() && text.find('\0') == text.npos && line::is_utf8(text);
}

} // namespace buzon::auth
