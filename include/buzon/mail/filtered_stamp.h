// mail/filtered_stamp.h - whether the file of transformed octets (filtered_octets.h) is still the one that was read.
#pragma once

#include <cstdint>
#include <string>

namespace buzon::mail {

// The file at some moment: with the same stamp it says the same. All zero when there is none.
struct FilteredStamp {
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    friend bool operator==(const FilteredStamp&, const FilteredStamp&) = default;
};

// One stat, nothing more. It may wait for a disk or a file server: see stamps.h.
[[nodiscard]] FilteredStamp filtered_stamp(const std::string& maildir);

} // namespace buzon::mail
