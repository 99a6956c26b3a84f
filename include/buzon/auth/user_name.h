// auth/user_name.h - which names a user may have: a name becomes a directory below the mail root and a word in lists.
#pragma once

#include <string>
#include <string_view>

namespace buzon::auth {

// The name to look up for one that a client has sent (RFC 6856 section 2.2, SASLprep). One that SASLprep prohibits, or
// leaves nothing of, is unchanged and belongs to nobody.
[[nodiscard]] std::string prepared_user(std::string_view name);

// Why `name` is not a valid user name; empty if it is. Refused are: the empty name, more than 255 octets, text that is
// not UTF-8, '/' and a leading '.' (they could leave the mail root or hide in it), ':' and a leading '#' (no
// passwd-file can contain them), white space, controls and invisible characters (no listing can show them), and
// `buzon-locks` (the directory of the locks in the mail root).
[[nodiscard]] std::string_view fault_of_user_name(std::string_view name);

} // namespace buzon::auth
