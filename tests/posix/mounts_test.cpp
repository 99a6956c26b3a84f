#include "buzon/posix/mounts.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "support/stalling_file_system.h"
#include "support/temp_directory.h"

using buzon::posix::FileSystem;
using buzon::posix::Mounts;
using namespace buzon::test;

namespace {

Mounts mounts_of(const std::string& text) {
    const TempDirectory directory;
    std::ofstream{directory / "table"} << text;
    return Mounts{directory / "table"};
}

// "8:1", followed by * if it is local.
std::string shown(const FileSystem& system) {
    return std::to_string(major(system.number)) + ":" + std::to_string(minor(system.number)) +
           (system.local ? "*" : "");
}

} // namespace

TEST_CASE("a path is on the innermost mount, and local only if every mount on its way is") {
    Mounts mounts = mounts_of("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                              "2 1 0:30 / /srv/mail rw,relatime shared:7 master:1 - nfs4 server:/mail rw\n"
                              "3 2 8:2 / /srv/mail/fast rw - xfs /dev/sdb rw\n"
                              "4 1 8:3 /part /srv/mail2 rw - btrfs /dev/sdc rw,subvol=/x - y\n"
                              "5 1 8:4 / /srv/with\\040space\\134 rw - tmpfs none rw\n"
                              "6 1 0:5 / /dev rw - devtmpfs udev rw\n"
                              "7 6 0:6 / /dev/shm rw - tmpfs tmpfs rw\n");
    CHECK(shown(mounts.of("/")) == "8:1*");
    CHECK(shown(mounts.of("/srv/mailx")) == "8:1*");
    CHECK(shown(mounts.of("/srv/mail")) == "0:30");
    CHECK(shown(mounts.of("/srv/mail/user/cur")) == "0:30");
    CHECK(shown(mounts.of("/srv/mail2/user")) == "8:3*");
    CHECK(shown(mounts.of("/srv/with space\\/user")) == "8:4*");
    CHECK(shown(mounts.of("/dev/shm/mail")) == "0:6*");
    // Accessing it also asks the server of the mount on the way to it.
    CHECK(shown(mounts.of("/srv/mail/fast/user")) == "8:2");
}

TEST_CASE("a mount that is hidden by a later one is ignored") {
    Mounts mounts = mounts_of("2 1 8:2 / /a/b rw - ext4 /dev/sdb rw\n"
                              "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                              "3 1 8:3 / /a rw - ext4 /dev/sdc rw\n"
                              "4 3 0:31 / /a rw - cifs //server/a rw\n");
    CHECK(shown(mounts.of("/a/b/user")) == "0:31");
}

TEST_CASE("a missing or malformed mount table gives no file system") {
    for (const char* const text :
         {"", "\n", "1 1 8:1 / /srv rw - ext4 /dev/sda1 rw\n", "1 0 8 / / rw - ext4 x rw\n", "1 0 8:1 / / rw\n",
          "x 0 8:1 / / rw - ext4 x rw\n", "1 0 8:1", "1 0 : / / rw - ext4 x rw\n"}) {
        CAPTURE(text);
        CHECK(shown(mounts_of(text).of("/srv/mail")) == "0:0");
    }
    CHECK(shown(Mounts{"/nonexistent/table"}.of("/srv/mail")) == "0:0");
}

TEST_CASE("device numbers match those of stat(), even for a file system mounted after the table was read") {
    Mounts mounts;
    struct stat status {};
    REQUIRE(::stat("/proc", &status) == 0);
    CHECK(mounts.of("/proc/self").number == status.st_dev);
    CHECK_FALSE(mounts.of("/proc/self").local);
    if (!StallingFileSystem::available()) return;
    StallingFileSystem disk;
    REQUIRE(::stat(disk.path().c_str(), &status) == 0);
    disk.stall("all");
    CHECK(mounts.of(disk.path() + "/user").number == status.st_dev);
    CHECK_FALSE(mounts.of(disk.path() + "/user").local);
}
