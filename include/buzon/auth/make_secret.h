// auth/make_secret.h - makes a secret from a password, in the form of a passwd-file.
#pragma once

#include <string>
#include <string_view>

#include "buzon/auth/parsed.h"

namespace buzon::auth {

// `{SCHEME}secret` with a fresh salt, for any scheme that Secret knows but does not only read (without an ending; CRYPT
// is yescrypt where the system has it). `rounds` in the scheme's units; 0 = its default. Uses much CPU, like
// Secret::verify. Refused: an unknown scheme, an empty password, one that is not UTF-8 or holds control characters.
// {PLAIN} becomes {PLAIN.b64} if the password contains a ':' or begins or ends with a space, which a passwd-file cannot
// store.
[[nodiscard]] Parsed<std::string> make_secret(std::string_view scheme, std::string_view password,
                                              unsigned long rounds = 0);

// Whether this system supports the scheme: crypt(3) need not know every method.
[[nodiscard]] bool can_make_secret(std::string_view scheme) noexcept;

} // namespace buzon::auth
