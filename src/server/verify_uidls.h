// server/verify_uidls.h - --uidl-verify: compares the UIDLs a user would get here with those another server gave.
#pragma once

#include <string>

#include "buzon/auth/user_base.h"
#include "buzon/config/options.h"

namespace buzon::server {

// Goes through options.verify_uidls in order and appends to `report`: for each a line
// "NAME: N messages, the same UIDLs", or its differences ("NAME NUMBER CAPTURED SERVED", "-" for none) and a line that
// counts them. Users need not be known: then the Maildir is `root`/NAME. Changes nothing on disk, and blocks: only for
// the time before anything is served. True when nothing differs. Throws StartError for what cannot be read.
[[nodiscard]] bool verify_uidls(const config::Options& options, const auth::UserBase& users, const std::string& root,
                                std::string& report);

} // namespace buzon::server
