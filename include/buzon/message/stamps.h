// message/stamps.h - when the two directories of a Maildir last changed: the first thing a login compares.
#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace buzon::message {

// One directory. All zero if it is missing (a missing cur or new contains no mail).
struct DirectoryStamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0; // detects changes by programs that reset the mtime (rsync -a, tar)
    friend bool operator==(const DirectoryStamp&, const DirectoryStamp&) = default;
};

[[nodiscard]] inline std::int64_t nanoseconds(const timespec& when) noexcept {
    return std::int64_t{when.tv_sec} * 1'000'000'000 + when.tv_nsec;
}

[[nodiscard]] inline DirectoryStamp stamp_of(const struct stat& about) noexcept {
    return {about.st_dev, about.st_ino, nanoseconds(about.st_mtim), nanoseconds(about.st_ctim)};
}

struct Stamps {
    DirectoryStamp in_new;
    DirectoryStamp cur;
    friend bool operator==(const Stamps&, const Stamps&) = default;
};

} // namespace buzon::message
