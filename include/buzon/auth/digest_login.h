// auth/digest_login.h - logins by a digest of the plain password: APOP (RFC 1939 section 7) and CRAM-MD5 (RFC 2195).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "buzon/auth/sasl.h"

namespace buzon::auth {

// `timestamp`: the one in the greeting, including its angle brackets. `digest`: 32 hexadecimal digits, as sent. Without
// a password (the user has none or does not exist) it takes the same time and never matches.
[[nodiscard]] bool apop_matches(std::string_view timestamp, const std::optional<std::string>& clear_password,
                                std::string_view digest);

// The same for CRAM-MD5.
[[nodiscard]] bool digest_matches(const CheckDigest& check, const std::optional<std::string>& clear_password);

} // namespace buzon::auth
