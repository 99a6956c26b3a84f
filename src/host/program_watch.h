// host/program_watch.h - tells when a path may lead to another program than it did.
#pragma once

#include <string>

#include "buzon/posix/unique_fd.h"

namespace buzon::host {

// Becomes readable, and stays so, when the file has been replaced, moved, removed or written to, or a link or folder on
// the way to it replaced or moved. May wait for a disk. Empty where the kernel refuses.
[[nodiscard]] posix::UniqueFd watch_program(const std::string& path);

} // namespace buzon::host
