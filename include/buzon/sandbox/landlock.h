// sandbox/landlock.h - limits what a process can still reach of the file system, the network and other processes:
// Landlock, without a library.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::sandbox {

enum class Access : std::uint8_t {
    read,  // files, and the names in directories
    run,   // the same, and programs may be started
    write, // the same as read, and regular files and directories may be made, changed, moved and removed
    use,   // the same as write, also for sockets, FIFOs and symbolic links, and ioctl() of devices
    all,   // use and run
};

// The file at this path, or everything below the directory there.
struct Allowed {
    std::string path;
    Access access = Access::read;
    bool follow = true; // a symbolic link at the end of the path; otherwise nothing is allowed for it
    friend bool operator==(const Allowed&, const Allowed&) = default;
};

// Nothing else is allowed. Descriptors that are open already stay usable.
struct Reach {
    std::vector<Allowed> files;
    bool tcp = false;              // bind() and connect() of TCP sockets (Linux 6.7; older kernels cannot refuse it)
    bool signals = false;          // to processes that are not under this or a narrower Reach (Linux 6.12)
    bool abstract_sockets = false; // connect() to those of such processes (Linux 6.12)
};

// The kernel's version of Landlock; 0 if it has none, or one that cannot do what a Maildir needs (before Linux 5.19:
// no file could be moved to another directory).
[[nodiscard]] int landlock_version() noexcept;

// A Reach in the kernel's form.
class Ruleset {
public:
    // Opens the paths, so it may wait for a disk. Paths that do not exist or that we cannot open are left out: there is
    // nothing to allow. ENOSYS or EOPNOTSUPP if the kernel has no Landlock.
    [[nodiscard]] static posix::Result<Ruleset> make(const Reach& reach);

    // Puts it in force, for good, for this process and those that it starts, together with no_new_privs. Returns an
    // errno, or 0. May be called between fork() and execve().
    [[nodiscard]] int enforce() const noexcept;

private:
    explicit Ruleset(posix::UniqueFd fd) noexcept : fd_{std::move(fd)} {}
    posix::UniqueFd fd_;
};

} // namespace buzon::sandbox
