// tests/support/stalling_file_system.h - a file system in which any operation can be made to hang, as on a file server
// that no longer answers. It shows a directory (the backing one) at another path, over the kernel's FUSE protocol.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "buzon/posix/unique_fd.h"
#include "support/temp_directory.h"

namespace buzon::test {

// Served by a separate process, so that a test that touches the mount itself cannot deadlock. Needs root and /dev/fuse:
// see available().
class StallingFileSystem {
public:
    // Whether this machine allows such a mount.
    [[nodiscard]] static bool available();

    StallingFileSystem();
    ~StallingFileSystem(); // operations that still hang fail with ENOTCONN
    StallingFileSystem(const StallingFileSystem&) = delete;
    StallingFileSystem& operator=(const StallingFileSystem&) = delete;

    // The mount point. Operations on paths below it may hang.
    [[nodiscard]] std::string path() const { return directory_ / "mount"; }
    // The same files by a path that never hangs.
    [[nodiscard]] std::string backing() const { return directory_ / "backing"; }

    // From now on these operations hang. One of: lookup getattr setattr open create read write close flush fsync
    // opendir readdir fsyncdir lock unlock rename unlink mkdir rmdir link statfs, or "all".
    void stall(std::string_view operation);
    // Nothing hangs any more; the operations that did continue.
    void release();
    // Waits until at least one operation hangs. False if none does within the usual time (test::patience).
    [[nodiscard]] bool something_hangs();

private:
    [[nodiscard]] std::string ask(std::string_view command);

    TempDirectory directory_;
    posix::UniqueFd control_;
    pid_t server_ = -1;
};

} // namespace buzon::test
