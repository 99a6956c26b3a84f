// files/notices.h - sets up inotify for a FileWatch. Blocks on disk I/O.
#pragma once

#include <string>

#include "buzon/config/file_watch.h"

namespace buzon::files {

[[nodiscard]] posix::Result<config::FileWatch::Notices> watch_for_changes(const std::string& path);

} // namespace buzon::files
