// maildir/own_file.h - the files and folders beside cur, new and tmp that a server keeps for itself. The owner of the
// Maildir can put anything in their place, so one is used only when it is regular, has one name and belongs to the
// owner of the directory it lies in, or to the user we run as. Private to mail/.
#pragma once

#include <sys/stat.h>

#include <string>

#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::maildir {

// What is there is none of ours: EPERM.
[[nodiscard]] std::error_code not_ours() noexcept;

// The file, opened with `flags` (O_CREAT makes it with mode 0600), never through a link, never waiting for a FIFO.
// ENOENT: there is none. not_ours(): see above. `about` is filled in.
[[nodiscard]] posix::Result<posix::UniqueFd> open_own(int directory, const char* name, int flags, struct stat& about);
// All that the file holds; nothing where there is none. EFBIG beyond what lists of some millions of messages need.
[[nodiscard]] posix::Result<std::string> read_own(int directory, const char* name);
// A folder of ours, in the same way.
[[nodiscard]] posix::Result<posix::UniqueFd> open_own_folder(int parent, const char* name);

// Why it cannot be used, in words for the log behind its path: "is a symbolic link". Empty when it can, or is missing.
[[nodiscard]] std::string_view fault_of_own(int directory, const char* name);
[[nodiscard]] std::string_view fault_of_own_folder(int parent, const char* name);

} // namespace buzon::maildir
