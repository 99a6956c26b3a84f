// login/folder_name.h - the names of Maildir++ folders, as users write them and on disk.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace buzon::login {

// ".Junk" for "Junk", ".A.B" for "A.B"; characters outside ASCII are written in IMAP's modified UTF-7 (RFC 3501 section
// 5.1.3). std::nullopt for a name that no folder can have.
[[nodiscard]] std::optional<std::string> folder_directory(std::string_view name);

} // namespace buzon::login
