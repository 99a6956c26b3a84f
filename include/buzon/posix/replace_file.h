// posix/replace_file.h - files that must survive whatever happens while they are written. Waits for the disk.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

namespace buzon::posix {

// The file at `path` holds `content`, whole and on disk, or (after an error, a kill or a power cut) what it held
// before. Mode and owner stay; a symbolic link is followed and stays one. A new file is for its owner alone.
// `mark`: who writes, so that two that overlap never write into the same temporary file, PATH.MARK.
[[nodiscard]] std::error_code replace_file(const std::string& path, std::string_view content, std::string_view mark);

} // namespace buzon::posix
