// maildir/open_root.h - opens a mail root with its locks. Blocks on disk I/O: runs in a worker, or at startup.
#pragma once

#include <string>

#include "buzon/local/opened_root.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::maildir {

// Opens the directory with O_PATH; root_has_gone().
[[nodiscard]] posix::Result<posix::UniqueFd> open_root(const message::MailRoot& root);

// Like create_maildir(), but does not recreate a mail root that has gone, nor the parents of a Maildir outside it.
[[nodiscard]] std::error_code create_maildir_below(const message::MailRoot& root, const std::string& maildir);

// Which process may open lock files on a file system that may hang. The server may not: it gets
// LockFiles::of_another_process().
enum class Keeper : std::uint8_t { another, asker };

// `at_fault`: on failure, the path that could not be opened or created.
[[nodiscard]] posix::Result<local::OpenedRoot> open_mail_root(const message::RootRequest& request,
                                                              std::string& at_fault, Keeper keeper = Keeper::another);
// The same if lock files cannot be created: locks are effective only within this process.
[[nodiscard]] posix::Result<local::OpenedRoot> open_without_locks(const std::string& path);

// As root: the lock files go to the owner of the mail root, since his processes must see whether it is still the same.
// Leaves out what is linked or linked to. The first error.
[[nodiscard]] std::error_code give_locks_to_owner(const std::string& root);

} // namespace buzon::maildir
