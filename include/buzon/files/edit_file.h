// files/edit_file.h - changes a file of the operator's, and leaves the rest of it as it is. Waits for the disk.
#pragma once

#include <string>
#include <system_error>

#include "buzon/jobs/jobs.h"

namespace buzon::files {

// Reads the file, makes the changes, replaces it unless it is what it was.
[[nodiscard]] std::error_code edit_file(jobs::Edited what, const std::string& path, const jobs::Edits& edits);

} // namespace buzon::files
