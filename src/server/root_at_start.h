// server/root_at_start.h - opens the mail root before anybody is served. Waits for the disk.
#pragma once

#include <string>

#include "buzon/local/opened_root.h"

namespace buzon::server {

struct RootAtStart {
    local::OpenedRoot root;
    std::string why_without_locks; // its lock files could not be made, for want of room; else empty
};
// Throws StartError.
[[nodiscard]] RootAtStart open_root_at_start(const std::string& path);

} // namespace buzon::server
