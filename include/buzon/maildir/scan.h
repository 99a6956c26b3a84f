// maildir/scan.h - reads a Maildir into a Snapshot, with the help of the index it left there last time. Waits for
// disks: runs in a worker.
#pragma once

#include <fcntl.h>

#include <string>

#include "buzon/message/scan_request.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::maildir {

// Beside cur, new and tmp. A copy of the last Snapshot: only a cache, thrown away when anything about it is odd.
inline constexpr const char* index_file_name = "buzon-index";

// A sealed memfd with the Snapshot (contract section 2: order, UIDLs, octets; regular files of cur and new but for dot
// files, however many). ENOENT when `maildir` is missing. A message that another program renames meanwhile appears
// once; one that vanishes is left out, and so is one that we may not read (EACCES). One that cannot be read for another
// reason (a disk, a file server) is an error: its octets are not known. uidls_would_change() when the circuit breaker
// trips. A file system that is full or read-only costs the index, nothing else. An update that was cut short is ended
// first. Nothing below the Maildir is reached through a symbolic link: ELOOP for cur, new and tmp, EPERM for a list
// that decides about UIDLs and is none of the server's (or Dovecot's, or Courier's); another file of ours is left out.
[[nodiscard]] posix::Result<posix::UniqueFd> scan(const std::string& maildir, const message::ScanOptions& options = {},
                                                  message::ScanFindings* findings = nullptr);

// Makes maildir/{cur,new,tmp}, mode 0700, whatever of it is missing, and its missing parents. No error when all is
// there. `below`: the open directory that a relative path begins at.
[[nodiscard]] std::error_code create_maildir(const std::string& maildir, int below = AT_FDCWD);

} // namespace buzon::maildir
