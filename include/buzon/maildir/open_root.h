// maildir/open_root.h - opens a mail root, with the locks in it. Waits for disks: runs in a worker, or at the start.
#pragma once

#include <string>

#include "buzon/local/opened_root.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::maildir {

// The directory (O_PATH); root_has_gone().
[[nodiscard]] posix::Result<posix::UniqueFd> open_root(const message::MailRoot& root);

// create_maildir(), but for a Maildir below a root that has gone, which nobody makes.
[[nodiscard]] std::error_code create_maildir_below(const message::MailRoot& root, const std::string& maildir);

// Who is to have lock files open that lie on a file system that may hang. Not the server: for it they are
// LockFiles::of_another_process().
enum class Keeper : std::uint8_t { another, asker };

// `at_fault`: what could not be opened or made, when it fails.
[[nodiscard]] posix::Result<local::OpenedRoot> open_mail_root(const message::RootRequest& request,
                                                              std::string& at_fault, Keeper keeper = Keeper::another);
// The same for one whose lock files cannot be made: its locks hold within this process alone.
[[nodiscard]] posix::Result<local::OpenedRoot> open_without_locks(const std::string& path);

} // namespace buzon::maildir
