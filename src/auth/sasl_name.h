// auth/sasl_name.h - a user's name as encoded in GS2 headers (RFC 5801 section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "login_text.h"

namespace buzon::auth {

// Decodes a name: =2C is ',' and =3D is '='; any other '=' is invalid.
[[nodiscard]] inline std::optional<std::string> decode_name(std::string_view text) {
    std::string name;
    while (!text.empty()) {
        if (text[0] != '=') {
            name += text[0];
            text.remove_prefix(1);
            continue;
        }
        if (text.starts_with("=2C"))
            name += ',';
        else if (text.starts_with("=3D"))
            name += '=';
        else
            return std::nullopt;
        text.remove_prefix(3);
    }
    if (!is_login_text(name)) return std::nullopt;
    return prepared_user(name);
}

} // namespace buzon::auth
