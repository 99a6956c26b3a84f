// server/verify_uidls.h - --uidl-verify: compares the UIDLs that a user would get here with those that another server
// gave.
#pragma once

#include <string>

#include "buzon/auth/user_base.h"
#include "buzon/config/options.h"

namespace buzon::server {

// Processes options.verify_uidls in order. For each it appends to `report` a line "NAME: N messages, the same UIDLs",
// or its differences ("NAME NUMBER CAPTURED SERVED", "-" for none) and a line that counts them. For an unknown user the
// Maildir is `root`/NAME. Changes nothing on disk. Blocks, so call it only before anything is served. Returns true if
// nothing differs. Throws StartError for files that cannot be read.
[[nodiscard]] bool verify_uidls(const config::Options& options, const auth::UserBase& users, const std::string& root,
                                std::string& report);

} // namespace buzon::server
