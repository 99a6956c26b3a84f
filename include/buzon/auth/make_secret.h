// auth/make_secret.h - a new secret for a password, as a passwd-file takes it.
#pragma once

#include <string>
#include <string_view>

#include "buzon/auth/parsed.h"

namespace buzon::auth {

// `{SCHEME}secret` with a fresh salt, for any scheme that Secret knows (without an ending; CRYPT is yescrypt where the
// system has it). `rounds` as the scheme counts them, 0 = its usual number. Burns CPU, like Secret::verify. Refused: an
// unknown scheme, an empty password, one that is not UTF-8 or holds control characters. {PLAIN} becomes {PLAIN.b64}
// where the password holds a ':' or begins or ends with a space, which a passwd-file could not keep.
[[nodiscard]] Parsed<std::string> make_secret(std::string_view scheme, std::string_view password,
                                              unsigned long rounds = 0);

// Whether this system can: crypt(3) need not know every method.
[[nodiscard]] bool can_make_secret(std::string_view scheme) noexcept;

} // namespace buzon::auth
