// tests/support/stalling_file_system.h - a file system whose every operation can be made to hang, as those of a file
// server that no longer answers do. It shows a directory (the backing one) at another path, by the kernel's FUSE
// protocol.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "buzon/posix/unique_fd.h"
#include "support/temp_directory.h"

namespace buzon::test {

// Served by a process of its own, so that a test that touches the mount itself cannot wait for itself. Needs root and
// /dev/fuse: see available().
class StallingFileSystem {
public:
    // Whether this machine lets us mount one.
    [[nodiscard]] static bool available();

    StallingFileSystem();
    ~StallingFileSystem(); // whatever still hangs fails with ENOTCONN
    StallingFileSystem(const StallingFileSystem&) = delete;
    StallingFileSystem& operator=(const StallingFileSystem&) = delete;

    // Where it is mounted. What goes through here may hang.
    [[nodiscard]] std::string path() const { return directory_ / "mount"; }
    // The same files, by a way that never hangs.
    [[nodiscard]] std::string backing() const { return directory_ / "backing"; }

    // From now on these operations hang. One of: lookup getattr setattr open create read write close flush fsync
    // opendir readdir fsyncdir lock unlock rename unlink mkdir rmdir link statfs, or "all".
    void stall(std::string_view operation);
    // None hangs any more; those that did go on.
    void release();
    // Waits until at least one operation hangs. False after 20 seconds in which none did.
    [[nodiscard]] bool something_hangs();

private:
    [[nodiscard]] std::string ask(std::string_view command);

    TempDirectory directory_;
    posix::UniqueFd control_;
    pid_t server_ = -1;
};

} // namespace buzon::test
