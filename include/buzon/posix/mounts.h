// posix/mounts.h - which file system a path is on, according to the kernel's mount table. Does not access the file
// systems, so it works even if one of them hangs.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/posix/unique_fd.h"

namespace buzon::posix {

struct FileSystem {
    std::uint64_t number = 0; // the device number, as in st_dev; 0: unknown
    // No file system on the path uses a file server: what was read recently is still in memory, and accessing it does
    // not block.
    bool local = false;
};

class Mounts {
public:
    explicit Mounts(const std::string& table = "/proc/self/mountinfo");

    // The path must be absolute, without "." and "..". Symbolic links are treated as directories.
    [[nodiscard]] FileSystem of(std::string_view path);
    // The file system that a directory is really on, following links. It is local only if the path to it, and the file
    // systems mounted on these `parts` of it, are local, too. Accesses the file systems: for a worker or startup.
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

    UniqueFd table_; // kept open: the kernel signals changes through it
    std::vector<Mount> mounts_;
};

} // namespace buzon::posix
