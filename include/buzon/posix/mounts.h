// posix/mounts.h - which file system a path lies on, by the kernel's table of mounts. Asks no file system: one that
// hangs is told from the others all the same.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/posix/unique_fd.h"

namespace buzon::posix {

struct FileSystem {
    std::uint64_t number = 0; // that of the device, as in st_dev; 0: nobody knows
    // Neither it nor any other on the way to the path has a file server: what was read a moment ago is still in memory,
    // and a look at it does not wait.
    bool local = false;
};

class Mounts {
public:
    explicit Mounts(const std::string& table = "/proc/self/mountinfo");

    // The path is absolute and has neither "." nor ".." in it. Links are taken for directories.
    [[nodiscard]] FileSystem of(std::string_view path);
    // Where a directory really lies, links followed; local only when the way to it, and what is mounted on these
    // `parts` of it, are so, too. Asks the file systems: for a worker, or the start.
    [[nodiscard]] FileSystem of_directory(const std::string& directory, std::initializer_list<const char*> parts);

private:
    struct Mount {
        std::uint64_t id = 0;
        std::uint64_t parent = 0;
        std::string point;
        FileSystem system;
    };

    void read();
    [[nodiscard]] static bool parse(std::string_view line, Mount& mount);
    [[nodiscard]] const Mount* root() const noexcept;
    [[nodiscard]] const Mount* next(const Mount& from, std::string_view path) const noexcept;

    UniqueFd table_; // stays open: the kernel says through it when there is something new
    std::vector<Mount> mounts_;
};

} // namespace buzon::posix
