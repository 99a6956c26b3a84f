#include "own_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "directory.h"

namespace buzon::maildir {
namespace {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

constexpr std::size_t largest_list = std::size_t{1} << 28;

std::string_view fault_of(const struct stat& about, mode_t kind, int directory) {
    if (S_ISLNK(about.st_mode)) return "is a symbolic link";
    if ((about.st_mode & S_IFMT) != kind) return kind == S_IFREG ? "is not a regular file" : "is not a directory";
    // No links at all are no fault: another process has just replaced the file.
    if (kind == S_IFREG && about.st_nlink > 1) return "has more than one link";
    struct stat above {};
    if (about.st_uid == ::geteuid()) return {};
    if (::fstat(directory, &above) != 0 || about.st_uid != above.st_uid) return "belongs to another user";
    return {};
}

std::string_view fault_at(int directory, const char* name, mode_t kind) {
    struct stat about {};
    if (::fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) != 0) return {};
    return fault_of(about, kind, directory);
}

} // namespace

std::error_code not_ours() noexcept {
    return {EPERM, std::system_category()};
}

Result<UniqueFd> open_own(int directory, const char* name, int flags, struct stat& about) {
    UniqueFd file{::openat(directory, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600)};
    if (!file) {
        // A link, a directory, or a socket or device without a driver.
        const bool other = errno == ELOOP || errno == EISDIR || errno == ENXIO || errno == ENODEV;
        return other ? not_ours() : last_error();
    }
    if (::fstat(file.get(), &about) != 0) return last_error();
    if (!fault_of(about, S_IFREG, directory).empty()) return not_ours();
    return file;
}

Result<std::string> read_all(int file) {
    struct stat about {};
    if (::fstat(file, &about) != 0) return last_error();
    std::string content;
    char piece[64 * 1024];
    while (static_cast<std::size_t>(about.st_size) <= largest_list && content.size() <= largest_list) {
        const ssize_t n = ::pread(file, piece, sizeof piece, static_cast<off_t>(content.size()));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return last_error();
        if (n == 0) return content;
        content.append(piece, static_cast<std::size_t>(n));
    }
    return std::error_code{EFBIG, std::system_category()};
}

Result<std::string> read_own(int directory, const char* name) {
    struct stat about {};
    const Result<UniqueFd> file = open_own(directory, name, O_RDONLY, about);
    if (!file && file.error().value() == ENOENT) return std::string{};
    if (!file) return file.error();
    return read_all(file.value().get());
}

std::error_code lock_own(int file) {
    constexpr int most_tries = 100;
    constexpr useconds_t between_tries = 20'000;
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    for (int tries = 1; ::fcntl(file, F_OFD_SETLK, &range) != 0; ++tries) {
        if (errno == EINTR) continue;
        if (errno == EACCES) errno = EAGAIN;
        if (errno != EAGAIN || tries >= most_tries) return last_error();
        ::usleep(between_tries);
    }
    return {};
}

Result<UniqueFd> open_own_folder(int parent, const char* name) {
    Result<UniqueFd> folder = open_folder(parent, name);
    if (!folder) return folder.error().value() == ELOOP ? not_ours() : folder.error();
    struct stat about {};
    if (::fstat(folder.value().get(), &about) != 0) return last_error();
    if (!fault_of(about, S_IFDIR, parent).empty()) return not_ours();
    return folder;
}

std::string_view fault_of_own(int directory, const char* name) {
    return fault_at(directory, name, S_IFREG);
}

std::string_view fault_of_own_folder(int parent, const char* name) {
    return fault_at(parent, name, S_IFDIR);
}

} // namespace buzon::maildir
