#include "buzon/posix/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "buzon/posix/io.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::posix {
namespace {

// The target of the links; the path itself if nothing exists there yet.
std::string followed(const std::string& path) {
    const std::unique_ptr<char, decltype(&std::free)> real{::realpath(path.c_str(), nullptr), &std::free};
    return real ? std::string{real.get()} : path;
}

std::string directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::error_code fill(int file, std::string_view content, const struct stat* before) {
    if (before != nullptr) {
        struct stat now {};
        if (::fstat(file, &now) != 0) return last_error();
        const bool other_owner = now.st_uid != before->st_uid || now.st_gid != before->st_gid;
        // If saving changed the owner, the file could become unreadable, or readable for others: refuse instead.
        if (other_owner && ::fchown(file, before->st_uid, before->st_gid) != 0) return last_error();
        if (::fchmod(file, before->st_mode & 07777) != 0) return last_error();
    }
    if (const std::error_code why = write_all(file, content)) return why;
    if (::fsync(file) != 0) return last_error();
    return {};
}

// The new name must reach the disk, too.
std::error_code sync_directory(const std::string& path) {
    const UniqueFd directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!directory || ::fsync(directory.get()) != 0) return last_error();
    return {};
}

} // namespace

std::error_code replace_file(const std::string& path, std::string_view content, std::string_view mark) {
    const std::string real = followed(path);
    struct stat before {};
    const bool exists = ::stat(real.c_str(), &before) == 0;
    if (!exists && errno != ENOENT) return last_error();
    if (exists && !S_ISREG(before.st_mode)) return {EINVAL, std::system_category()};
    std::string temporary = real;
    temporary.append(".").append(mark);
    ::unlink(temporary.c_str()); // left behind by a process that was killed
    {
        const UniqueFd file{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
        if (!file) return last_error();
        if (const std::error_code why = fill(file.get(), content, exists ? &before : nullptr)) {
            ::unlink(temporary.c_str());
            return why;
        }
    }
    if (::rename(temporary.c_str(), real.c_str()) != 0) {
        const std::error_code why = last_error();
        ::unlink(temporary.c_str());
        return why;
    }
    return sync_directory(directory_of(real));
}

} // namespace buzon::posix
