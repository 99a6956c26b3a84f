// daemon/notices.h - begins a file's notices for a FileWatch. Waits for the disk.
#pragma once

#include <string>

#include "buzon/daemon/file_watch.h"

namespace buzon::daemon {

[[nodiscard]] posix::Result<FileWatch::Notices> watch_for_changes(const std::string& path);

} // namespace buzon::daemon
