// maildir/own_file.h - the server's own files and folders beside cur, new and tmp. The owner of the Maildir can replace
// them with anything, so a file is used only if it is regular, has one link and belongs to the owner of its directory
// or to our own user. Private to maildir/.
#pragma once

#include <sys/stat.h>

#include <string>

#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::maildir {

// The error for a file that is not ours: EPERM.
[[nodiscard]] std::error_code not_ours() noexcept;

// Opens the file with `flags` (O_CREAT creates it with mode 0600), never through a link and never waiting for a FIFO.
// ENOENT if there is none; not_ours() if it may not be used. Fills in `about`.
[[nodiscard]] posix::Result<posix::UniqueFd> open_own(int directory, const char* name, int flags, struct stat& about);
// The whole content, from the beginning. EFBIG beyond what lists of several million messages need.
[[nodiscard]] posix::Result<std::string> read_all(int file);
// The same by name; empty if there is no file.
[[nodiscard]] posix::Result<std::string> read_own(int directory, const char* name);
// Locks an own file exclusively, until its descriptor is closed. EAGAIN if somebody else keeps it locked for seconds:
// the owner of the Maildir could do that forever.
[[nodiscard]] std::error_code lock_own(int file);
// Opens a folder of ours in the same way.
[[nodiscard]] posix::Result<posix::UniqueFd> open_own_folder(int parent, const char* name);

// Why it cannot be used, in words for the log, such as "is a symbolic link". Empty if it can be used or is missing.
[[nodiscard]] std::string_view fault_of_own(int directory, const char* name);
[[nodiscard]] std::string_view fault_of_own_folder(int parent, const char* name);

} // namespace buzon::maildir
