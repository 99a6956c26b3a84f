// login/folder_name.h - the names of a Maildir++'s folders: as people write them, and on disk.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace buzon::login {

// ".Junk" for "Junk", ".A.B" for "A.B"; what is not ASCII in IMAP's modified UTF-7 (RFC 3501 section 5.1.3). Nothing
// for a name that no folder can have.
[[nodiscard]] std::optional<std::string> folder_directory(std::string_view name);

} // namespace buzon::login
