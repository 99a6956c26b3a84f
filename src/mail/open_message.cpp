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

std::error_code gone() noexcept {
    return {ENOENT, std::system_category()};
}

// With an inode, only the file that has it.
Result<UniqueFd> open_at(int maildir, const Place& place, std::uint64_t inode) {
    struct stat about {};
    Result<UniqueFd> file =
        open_regular(maildir, (std::string{folder_of(place.in_new)} + '/' + place.file_name).c_str(), about);
    if (file && inode != 0 && about.st_ino != inode) return gone();
    return file;
}

// Where other programs put messages most: a reader that moves all of new to cur must not cost us a reading of the
// directory for each of them.
Result<UniqueFd> open_at_likely_place(int maildir, std::string_view file_name, std::uint64_t inode) {
    const std::string base{base_name(file_name)};
    for (const std::string& name : {base + ":2,", base + ":2,S", seen_name(file_name), base}) {
        Result<UniqueFd> file = open_at(maildir, {name, false}, inode);
        if (file || file.error().value() != ENOENT) return file;
    }
    return gone();
}

} // namespace

Result<UniqueFd> open_message(const std::string& maildir, std::string_view file_name, bool in_new,
                              std::uint64_t inode) {
    const Result<UniqueFd> root = open_directory(AT_FDCWD, maildir.c_str());
    if (!root) return root.error();
    const auto missing = [](const Result<UniqueFd>& file) { return file.error().value() == ENOENT; };
    Result<UniqueFd> file = open_at(root.value().get(), {std::string{file_name}, in_new}, 0);
    if (missing(file)) file = open_at_likely_place(root.value().get(), file_name, inode);
    Locator locator{root.value().get()};
    for (int searches = 0; missing(file) && searches != most_searches; ++searches) {
        locator.refresh();
        const Result<std::optional<Place>> found = locator.find(base_name(file_name), inode);
        if (!found) return found.error();
        if (!found.value()) return gone();
        file = open_at(root.value().get(), *found.value(), inode);
    }
    return file;
}

Result<UniqueFd> open_cached(const std::string& maildir, std::string_view file_name, bool in_new) {
    std::string path = maildir;
    path.append(1, '/').append(folder_of(in_new)).append(1, '/').append(file_name);
    open_how how{};
    how.flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    how.resolve = RESOLVE_CACHED;
    const long fd = ::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how);
    // Old kernels do not know the call or the flag, a seccomp filter may forbid it: never more than a detour.
    if (fd < 0 && (errno == EMFILE || errno == ENFILE)) return last_error();
    if (fd < 0) return std::error_code{EAGAIN, std::system_category()};
    return UniqueFd{static_cast<int>(fd)};
}

} // namespace buzon::mail
