#include "buzon/mail/open_message.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "directory.h"
#include "file_name.h"
#include "locator.h"

namespace buzon::mail {
namespace {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

// A program that renames the message again and again is not followed for ever.
constexpr int most_searches = 5;

std::error_code gone() noexcept {
    return {ENOENT, std::system_category()};
}

Result<UniqueFd> open_in(int maildir, bool in_new, const std::string& file_name) {
    struct stat about {};
    return open_regular(maildir, (std::string{folder_of(in_new)} + '/' + file_name).c_str(), about);
}

} // namespace

Result<UniqueFd> open_message(const std::string& maildir, std::string_view file_name, bool in_new,
                              std::uint64_t inode) {
    const Result<UniqueFd> root = open_directory(AT_FDCWD, maildir.c_str());
    if (!root) return root.error();
    Place place{std::string{file_name}, in_new};
    Locator locator{root.value().get()};
    for (int searches = 0;; ++searches) {
        Result<UniqueFd> file = open_in(root.value().get(), place.in_new, place.file_name);
        if (file || file.error().value() != ENOENT || searches == most_searches) return file;
        locator.refresh();
        Result<std::optional<Place>> found = locator.find(base_name(file_name), inode);
        if (!found) return found.error();
        if (!found.value()) return gone();
        place = std::move(*found.value());
    }
}

Result<UniqueFd> open_cached(const std::string& maildir, std::string_view file_name, bool in_new) {
    std::string path = maildir;
    path.append(1, '/').append(folder_of(in_new)).append(1, '/').append(file_name);
    open_how how{};
    how.flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    how.resolve = RESOLVE_CACHED;
    const long fd = ::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how);
    // Old kernels do not know the call or the flag, a seccomp filter may forbid it: never more than a detour.
    if (fd < 0) return std::error_code{EAGAIN, std::system_category()};
    UniqueFd file{static_cast<int>(fd)};
    struct stat about {};
    if (::fstat(file.get(), &about) != 0) return last_error();
    if (!S_ISREG(about.st_mode)) return gone();
    return file;
}

} // namespace buzon::mail
