// daemon/save_file.h - files of ours that must survive whatever happens while they are written. Waits for disks: runs
// in a worker, or when the loop does not turn.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

#include "buzon/jobs/jobs.h"

namespace buzon::daemon {

// The file at `path` holds `content`, whole and on disk, or (after an error, a kill or a power cut) what it held
// before. Mode and owner stay; a symbolic link is followed and stays one. A new file is for its owner alone.
// `mark`: who writes, so that two that overlap never write into the same temporary file, PATH.MARK.
[[nodiscard]] std::error_code replace_file(const std::string& path, std::string_view content, std::string_view mark);

// Reads the file, makes the changes, replaces it unless it is what it was.
[[nodiscard]] std::error_code edit_file(jobs::Edited what, const std::string& path, const jobs::Edits& edits);

} // namespace buzon::daemon
