// bench/load/canned.h - replies for the floor, made from a Maildir.
#pragma once

#include <string>

#include "load/expected.h"

namespace bench {

// Writes `stat`, `list-one`, `list`, `uidl` and `retr` (message 1) to `folder`, each a complete reply.
void write_canned(const Maildrop& maildrop, const std::string& folder);

} // namespace bench
