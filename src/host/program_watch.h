// host/program_watch.h - reports that a path may now lead to a different program.
#pragma once

#include <string>

#include "buzon/posix/unique_fd.h"

namespace buzon::host {

// Becomes readable, and stays so, when the file has been replaced, moved, removed or written to, or a link or folder on
// the way to it replaced or moved. May wait for a disk. Empty if the kernel refuses.
[[nodiscard]] posix::UniqueFd watch_program(const std::string& path);

} // namespace buzon::host
