// auth/user_name.h - which names a user may have: a name becomes a directory below the mail root and a word in lists.
#pragma once

#include <string>
#include <string_view>

namespace buzon::auth {

// The name to look up when a client sends `name` (RFC 6856 section 2.2, SASLprep). A name that SASLprep prohibits or
// reduces to nothing is returned unchanged; no user has such a name.
[[nodiscard]] std::string prepared_user(std::string_view name);

// Why `name` is not a valid user name; empty if it is. Refuses the empty name, more than 255 octets, text that is not
// UTF-8, '/' and a leading '.' (the name could leave the mail root or hide in it), ':' and a leading '#' (no
// passwd-file can contain them), white space, controls and invisible characters (no listing can show them), and
// `buzon-locks` (the directory of the locks in the mail root).
[[nodiscard]] std::string_view fault_of_user_name(std::string_view name);

} // namespace buzon::auth
