// mail/stamps.h - when the two directories of a Maildir were last changed: what a login compares first.
#pragma once

#include <cstdint>
#include <string>

#include "buzon/posix/result.h"

namespace buzon::mail {

// One directory. All zero when there is none (an absent cur or new holds no mail).
struct DirectoryStamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0; // catches those who set the mtime back (rsync -a, tar)
    friend bool operator==(const DirectoryStamp&, const DirectoryStamp&) = default;
};

struct Stamps {
    DirectoryStamp in_new;
    DirectoryStamp cur;
    friend bool operator==(const Stamps&, const Stamps&) = default;
};

// Three stats, nothing more. ELOOP when cur, new or tmp is a symbolic link. ENOENT when `maildir` itself is missing; a
// missing cur or new is not an error. It may wait for a disk or a file server: the reactor asks a worker.
[[nodiscard]] posix::Result<Stamps> stamps(const std::string& maildir);

} // namespace buzon::mail
