// auth/saslprep.h - user names and passwords made comparable (SASLprep, RFC 4013).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace buzon::auth {

// The form that is compared: the many spaces of Unicode become one, invisible characters go. Nothing when the text is
// not UTF-8 or holds what section 2.3 prohibits: controls, private and tagging characters, non-characters.
//
// Printable ASCII stays as it is. Two steps of the RFC are left out, NFKC normalisation and the check of mixed writing
// directions: they need the tables of Unicode 3.2, and clients in use send composed characters.
[[nodiscard]] std::optional<std::string> saslprep(std::string_view text);

} // namespace buzon::auth
