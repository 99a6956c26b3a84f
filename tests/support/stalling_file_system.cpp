#include "support/stalling_file_system.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "support/process.h"
#include "support/stalling_server.h"

namespace buzon::test {
namespace {

// Mounts /dev/fuse at `where`. Returns the descriptor of the device, or an invalid one on failure.
posix::UniqueFd mount_at(const std::string& where) {
    posix::UniqueFd device{::open("/dev/fuse", O_RDWR | O_CLOEXEC)};
    if (device.get() < 0) return device;
    const std::string options = "fd=" + std::to_string(device.get()) +
                                ",rootmode=40000,user_id=" + std::to_string(::getuid()) +
                                ",group_id=" + std::to_string(::getgid()) + ",allow_other,default_permissions";
    if (::mount("buzon-test", where.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0)
        device = posix::UniqueFd{};
    return device;
}

} // namespace

bool StallingFileSystem::available() {
    const TempDirectory directory;
    const std::string where = directory / "mount";
    ::mkdir(where.c_str(), 0755);
    const posix::UniqueFd device = mount_at(where);
    if (device.get() < 0) return false;
    ::umount2(where.c_str(), MNT_DETACH);
    return true;
}

StallingFileSystem::StallingFileSystem() {
    ::mkdir(path().c_str(), 0755);
    ::mkdir(backing().c_str(), 0755);
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error{"socketpair"};
    control_ = posix::UniqueFd{ends[0]};
    const posix::UniqueFd other{ends[1]};
    const posix::UniqueFd device = mount_at(path());
    if (device.get() < 0) throw std::runtime_error{"a FUSE file system cannot be mounted"};
    server_ = ::fork();
    if (server_ < 0) throw std::runtime_error{"fork"};
    if (server_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        control_ = posix::UniqueFd{};
        serve_stalling(device.get(), other.get(), backing());
        ::_exit(0);
    }
}

StallingFileSystem::~StallingFileSystem() {
    ::kill(server_, SIGKILL);
    while (::waitpid(server_, nullptr, 0) < 0 && errno == EINTR) {
    }
    ::umount2(path().c_str(), MNT_DETACH);
}

std::string StallingFileSystem::ask(std::string_view command) {
    char answer[64];
    if (::send(control_.get(), command.data(), command.size(), MSG_NOSIGNAL) < 0)
        throw std::runtime_error{"no file server"};
    const ssize_t size = ::recv(control_.get(), answer, sizeof answer, 0);
    if (size <= 0) throw std::runtime_error{"the file server has ended"};
    return {answer, static_cast<std::size_t>(size)};
}

void StallingFileSystem::stall(std::string_view operation) {
    (void)ask("stall " + std::string{operation});
}

void StallingFileSystem::release() {
    (void)ask("release");
}

bool StallingFileSystem::something_hangs() {
    return eventually([this] { return ask("hanging") != "0"; });
}

} // namespace buzon::test
