// posix/replace_file.h - writes files that must survive a crash at any time. Blocks on disk I/O.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

namespace buzon::posix {

// On return the file at `path` contains `content`, complete and on disk; after an error, a kill or a power failure it
// may contain what it did before. Mode and owner are kept; a symbolic link is followed and kept. A new file is
// accessible only to its owner. `mark` identifies the writer, so that two concurrent writers never use the same
// temporary file, PATH.MARK.
[[nodiscard]] std::error_code replace_file(const std::string& path, std::string_view content, std::string_view mark);

} // namespace buzon::posix
