#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "support/process.h"
#include "support/stalling_file_system.h"

using namespace buzon;
using namespace buzon::test;
namespace fs = std::filesystem;

namespace {

bool can_mount() {
    if (StallingFileSystem::available()) return true;
    WARN("FUSE file systems cannot be mounted here: nothing tested");
    return false;
}

std::string content_of(const std::string& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

bool is_locked(int file, short type) {
    struct flock range {};
    range.l_type = type;
    range.l_len = 1;
    return ::fcntl(file, F_OFD_SETLK, &range) == 0;
}

} // namespace

TEST_CASE("the stalling file system shows its backing directory, and accepts changes and locks") {
    if (!can_mount()) return;
    StallingFileSystem disk;
    fs::create_directories(disk.path() + "/user/new");
    std::ofstream{disk.path() + "/user/new/a"} << "text";
    CHECK(content_of(disk.backing() + "/user/new/a") == "text");
    std::ofstream{disk.backing() + "/user/new/b"} << "behind its back";
    CHECK(content_of(disk.path() + "/user/new/b") == "behind its back");
    fs::rename(disk.path() + "/user/new", disk.path() + "/user/cur");
    CHECK(content_of(disk.path() + "/user/cur/b") == "behind its back");
    fs::create_hard_link(disk.path() + "/user/cur/a", disk.path() + "/user/c");
    fs::remove(disk.path() + "/user/cur/a");
    CHECK(content_of(disk.backing() + "/user/c") == "text");
    std::size_t entries = 0;
    for (const auto& entry : fs::recursive_directory_iterator{disk.path()}) entries += entry.exists() ? 1u : 0u;
    CHECK(entries == 4);

    const posix::UniqueFd one{::open((disk.path() + "/user/c").c_str(), O_RDWR | O_CLOEXEC)};
    const posix::UniqueFd other{::open((disk.path() + "/user/c").c_str(), O_RDWR | O_CLOEXEC)};
    CHECK(is_locked(one.get(), F_WRLCK));
    CHECK_FALSE(is_locked(other.get(), F_WRLCK));
    CHECK(is_locked(one.get(), F_UNLCK));
    CHECK(is_locked(other.get(), F_WRLCK));
    CHECK(::fsync(one.get()) == 0);
}

TEST_CASE("an operation on the stalling file system hangs until it is released") {
    if (!can_mount()) return;
    StallingFileSystem disk;
    std::ofstream{disk.backing() + "/a"} << "text";
    disk.stall("open");
    Process reader{{.argv = {"/bin/cat", disk.path() + "/a"}}};
    REQUIRE(disk.something_hangs());
    CHECK(reader.running());
    struct stat status {};
    CHECK(::stat((disk.path() + "/a").c_str(), &status) == 0); // other operations go on
    disk.release();
    CHECK(reader.wait() == 0);
}
