// auth/make_secret.h - makes a secret from a password, in the form used in a passwd-file.
#pragma once

#include <string>
#include <string_view>

#include "buzon/auth/parsed.h"

namespace buzon::auth {

// `{SCHEME}secret` with a fresh salt. `scheme`: any that Secret knows, except those that it can only read; without an
// ending such as .b64. CRYPT is yescrypt where the system has it. `rounds`: in the scheme's units; 0 = its default.
// CPU-intensive, like Secret::verify. Refuses an unknown scheme, and a password that is empty, is not UTF-8 or contains
// control characters. {PLAIN} becomes {PLAIN.b64} if the password contains a ':' or begins or ends with a space, which
// a passwd-file cannot store.
[[nodiscard]] Parsed<std::string> make_secret(std::string_view scheme, std::string_view password,
                                              unsigned long rounds = 0);

// Whether this system can make secrets of this scheme: its crypt(3) may lack some methods.
[[nodiscard]] bool can_make_secret(std::string_view scheme) noexcept;

} // namespace buzon::auth
