// maildir/open_root.h - opens a mail root with its locks. Blocks on disk I/O: runs in a worker, or at startup.
#pragma once

#include <string>

#include "buzon/local/opened_root.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::maildir {

// Opens the directory with O_PATH. Fails with root_has_gone().
[[nodiscard]] posix::Result<posix::UniqueFd> open_root(const message::MailRoot& root);

// Like create_maildir(), but does not recreate a mail root that has gone, nor the parents of a Maildir outside it.
[[nodiscard]] std::error_code create_maildir_below(const message::MailRoot& root, const std::string& maildir);

// Which process opens the lock files if their file system may hang: another one (the result then has
// LockFiles::of_another_process()), or the caller. The server must not open them itself.
enum class Keeper : std::uint8_t { another, asker };

// `at_fault`: on failure, the path that could not be opened or created.
[[nodiscard]] posix::Result<local::OpenedRoot> open_mail_root(const message::RootRequest& request,
                                                              std::string& at_fault, Keeper keeper = Keeper::another);
// The same if lock files cannot be created: locks are effective only within this process.
[[nodiscard]] posix::Result<local::OpenedRoot> open_without_locks(const std::string& path);

// Call this as root. Gives the lock files to the owner of the mail root, whose processes must be able to check that it
// is still the same one. Skips symbolic links and files with more than one link. Returns the first error.
[[nodiscard]] std::error_code give_locks_to_owner(const std::string& root);

} // namespace buzon::maildir
