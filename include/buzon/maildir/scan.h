// maildir/scan.h - reads a Maildir into a Snapshot, using the index of the last scan. Blocks on disk I/O: runs in a
// worker.
#pragma once

#include <fcntl.h>

#include <string>

#include "buzon/message/scan_request.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::maildir {

// A file beside cur, new and tmp with a copy of the last Snapshot. It is only a cache, discarded if anything is wrong
// with it.
inline constexpr const char* index_file_name = "buzon-index";

// Returns a sealed memfd with the Snapshot (contract section 2: order, UIDLs, octets; all regular files in cur and new
// except dot files). ENOENT if `maildir` is missing. A message that is renamed during the scan appears once; one that
// vanishes, or that we may not read (EACCES), is left out. If a message cannot be read for another reason (a disk, a
// file server), the scan fails, because its octets are unknown. uidls_would_change() if the circuit breaker trips. A
// full or read-only file system only prevents writing the index. An interrupted update is completed first. Symbolic
// links below the Maildir are not followed: ELOOP for cur, new and tmp, EPERM for a list that determines UIDLs and
// belongs to neither the server nor Dovecot nor Courier; other files of ours are ignored in that case.
[[nodiscard]] posix::Result<posix::UniqueFd> scan(const std::string& maildir, const message::ScanOptions& options = {},
                                                  message::ScanFindings* findings = nullptr);

// Creates the ring (posix/ring.h) that the scans of this process use. Otherwise the first scan creates it, which a
// sandboxed process may not.
void make_ring();

// Creates maildir/{cur,new,tmp} and its parents with mode 0700, as far as they are missing. No error if everything
// exists. `below`: the open directory that a relative path starts from. Without `parents`, ENOENT if one of them is
// missing.
[[nodiscard]] std::error_code create_maildir(const std::string& maildir, int below = AT_FDCWD, bool parents = true);

} // namespace buzon::maildir
