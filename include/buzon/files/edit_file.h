// files/edit_file.h - edits one of the operator's files, keeping the rest of its content. Blocks on disk I/O.
#pragma once

#include <string>
#include <system_error>

#include "buzon/jobs/jobs.h"

namespace buzon::files {

// Reads the file, makes the changes, and replaces it if anything changed.
[[nodiscard]] std::error_code edit_file(jobs::Edited what, const std::string& path, const jobs::Edits& edits);

} // namespace buzon::files
