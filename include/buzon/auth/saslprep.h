// auth/saslprep.h - normalises user names and passwords for comparison (SASLprep, RFC 4013).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace buzon::auth {

// The form to compare: every Unicode space becomes an ASCII space, and invisible characters are removed. Nothing if the
// text is not UTF-8 or contains characters that section 2.3 prohibits: controls, private-use and tagging characters,
// non-characters.
//
// Printable ASCII is left unchanged. Two steps of the RFC are left out, NFKC normalisation and the check of
// bidirectional text: they need the Unicode 3.2 tables, and clients in use send composed characters.
[[nodiscard]] std::optional<std::string> saslprep(std::string_view text);

} // namespace buzon::auth
