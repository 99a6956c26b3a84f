// files/notices.h - begins a file's notices for a FileWatch. Waits for the disk.
#pragma once

#include <string>

#include "buzon/config/file_watch.h"

namespace buzon::files {

[[nodiscard]] posix::Result<config::FileWatch::Notices> watch_for_changes(const std::string& path);

} // namespace buzon::files
