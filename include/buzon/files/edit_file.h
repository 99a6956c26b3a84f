// files/edit_file.h - edits one of the operator's files, keeping the rest of its content. Blocks on disk I/O.
#pragma once

#include <string>
#include <system_error>

#include "buzon/auth/passwd_file.h"
#include "buzon/jobs/jobs.h"

namespace buzon::files {

// Each reads the file, makes the changes, and replaces it if anything changed. Edits of the same file take turns.
[[nodiscard]] std::error_code edit_config(const std::string& path, const jobs::Edits& edits);
[[nodiscard]] std::error_code edit_users(const std::string& path, const auth::UserChanges& changes);

} // namespace buzon::files
