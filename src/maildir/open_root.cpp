#include "buzon/maildir/open_root.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "buzon/maildir/scan.h"
#include "buzon/posix/mounts.h"

namespace buzon::maildir {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

namespace {

bool shows(const message::RootMark& mark, const struct stat& about) noexcept {
    return about.st_dev == mark.device && about.st_ino == mark.inode;
}

Result<std::string> absolute(const std::string& path) {
    std::error_code why;
    std::string whole = std::filesystem::absolute(path, why).lexically_normal().string();
    if (why) return why;
    while (whole.size() > 1 && whole.back() == '/') whole.pop_back();
    return whole;
}

} // namespace

Result<UniqueFd> open_root(const message::MailRoot& root) {
    UniqueFd folder{::open(root.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    struct stat about {};
    if (!folder) return message::root_has_gone();
    const bool looked = root.mark.of_locks
                            ? ::fstatat(folder.get(), message::root_mark_file, &about, AT_SYMLINK_NOFOLLOW) == 0
                            : ::fstat(folder.get(), &about) == 0;
    if (!looked || !shows(root.mark, about)) return message::root_has_gone();
    return folder;
}

std::error_code create_maildir_below(const message::MailRoot& root, const std::string& maildir) {
    const Result<UniqueFd> folder = open_root(root);
    if (!folder) return folder.error();
    const std::string below = root.path == "/" ? root.path : root.path + '/';
    // Elsewhere no lock files show that the file system is there. A home that is missing may come back with it.
    const bool inside = maildir.starts_with(below) && maildir.size() != below.size();
    if (!inside) return create_maildir(maildir, AT_FDCWD, false);
    return create_maildir(maildir.substr(below.size()), folder.value().get());
}

Result<local::OpenedRoot> open_mail_root(const message::RootRequest& request, std::string& at_fault, Keeper keeper) {
    at_fault = request.root.path;
    Result<std::string> path = absolute(request.root.path);
    if (!path) return path.error();
    local::OpenedRoot opened;
    opened.root.path = std::move(path).value();
    // Opened for reading: a directory that we cannot read is useless.
    UniqueFd folder{::open(opened.root.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!folder) return last_error();
    if (request.why == message::RootRequest::Why::locks) {
        Result<UniqueFd> same = open_root(request.root);
        if (!same) return same.error();
        folder = std::move(same).value();
    }
    at_fault = opened.root.path + "/buzon-locks";
    Result<local::LockFiles> files =
        local::LockFiles::open(folder.get(), request.why != message::RootRequest::Why::return_);
    if (!files) return files.error();
    opened.files = std::move(files).value();
    opened.root.mark = opened.files.mark();
    if (keeper == Keeper::another && !posix::Mounts{}.of_directory(at_fault, {}).local) {
        opened.files = local::LockFiles::of_another_process(opened.root.mark);
        return opened;
    }
    for (const message::HeldLock& one : request.held)
        if (!opened.files.lock(one)) opened.taken.push_back(one);
    return opened;
}

std::error_code give_locks_to_owner(const std::string& root) {
    const UniqueFd folder{::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    struct stat owner {
    }, about{};
    if (!folder || ::fstat(folder.get(), &owner) != 0) return last_error();
    const UniqueFd locks{::openat(folder.get(), "buzon-locks", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!locks) return last_error();
    const auto give = [&](int file) -> std::error_code {
        if (::fstat(file, &about) != 0) return last_error();
        if ((!S_ISREG(about.st_mode) || about.st_nlink != 1) && !S_ISDIR(about.st_mode)) return {};
        if (about.st_uid == owner.st_uid && about.st_gid == owner.st_gid) return {};
        const bool given = ::fchownat(file, "", owner.st_uid, owner.st_gid, AT_EMPTY_PATH) == 0;
        return given ? std::error_code{} : last_error();
    };
    std::error_code first;
    for (std::size_t number = 0; number < local::LockFiles::count; ++number) {
        const std::string name{static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10)};
        const UniqueFd file{::openat(locks.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
        const std::error_code why = file ? give(file.get()) : last_error();
        if (!first) first = why;
    }
    const std::error_code why = give(locks.get());
    return first ? first : why;
}

Result<local::OpenedRoot> open_without_locks(const std::string& path) {
    Result<local::LockFiles> none = local::LockFiles::none(path);
    if (!none) return none.error();
    local::OpenedRoot opened;
    opened.root = {path, none.value().mark()};
    opened.files = std::move(none).value();
    return opened;
}

} // namespace buzon::maildir
