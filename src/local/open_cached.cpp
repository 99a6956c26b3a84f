#include "buzon/local/open_cached.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace buzon::local {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

namespace {

// Opens only what is in the kernel's caches. Returns ELOOP, EMFILE and ENFILE unchanged, and EAGAIN otherwise.
Result<UniqueFd> open_now(int directory, const std::string& path, std::uint64_t flags, std::uint64_t resolve) {
    open_how how{};
    how.flags = flags;
    how.resolve = RESOLVE_CACHED | resolve;
    const long fd = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
    if (fd >= 0) return UniqueFd{static_cast<int>(fd)};
    // Old kernels lack the call or the flag, and a seccomp filter may forbid it: then a worker does it.
    if (errno != ELOOP && errno != EMFILE && errno != ENFILE) errno = EAGAIN;
    return last_error();
}

} // namespace

bool can_open_cached() noexcept {
    static const bool can = [] {
        open_how how{};
        how.flags = O_PATH | O_CLOEXEC;
        how.resolve = RESOLVE_CACHED;
        const UniqueFd root{static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how))};
        return root || (errno != ENOSYS && errno != EPERM && errno != EINVAL);
    }();
    return can;
}

Result<UniqueFd> open_cached(const std::string& maildir, std::string_view file_name, bool in_new) {
    const std::string below = std::string{in_new ? "new/" : "cur/"}.append(file_name);
    constexpr std::uint64_t flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    Result<UniqueFd> file = open_now(AT_FDCWD, maildir + '/' + below, flags, RESOLVE_NO_SYMLINKS);
    if (file || file.error().value() != ELOOP) return file;
    // A symbolic link in the path: allowed above the Maildir, but not below. A worker decides whether root may follow
    // it.
    if (::geteuid() != 0) {
        const Result<UniqueFd> root = open_now(AT_FDCWD, maildir, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
        if (root) file = open_now(root.value().get(), below, flags, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
    }
    if (!file && file.error().value() == ELOOP) return std::error_code{EAGAIN, std::system_category()};
    return file;
}

} // namespace buzon::local
