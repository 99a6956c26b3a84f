#include "buzon/mail/open_root.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "buzon/mail/scan.h"
#include "buzon/posix/mounts.h"

namespace buzon::mail {

using posix::last_error;
using posix::Result;
using posix::UniqueFd;

namespace {

bool shows(const RootMark& mark, const struct stat& about) noexcept {
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

Result<UniqueFd> open_root(const MailRoot& root) {
    UniqueFd folder{::open(root.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    struct stat about {};
    if (!folder) return root_has_gone();
    const bool looked = root.mark.of_locks ? ::fstatat(folder.get(), root_mark_file, &about, AT_SYMLINK_NOFOLLOW) == 0
                                           : ::fstat(folder.get(), &about) == 0;
    if (!looked || !shows(root.mark, about)) return root_has_gone();
    return folder;
}

std::error_code create_maildir_below(const MailRoot& root, const std::string& maildir) {
    const Result<UniqueFd> folder = open_root(root);
    if (!folder) return folder.error();
    const std::string below = root.path == "/" ? root.path : root.path + '/';
    if (!maildir.starts_with(below) || maildir.size() == below.size()) return create_maildir(maildir);
    return create_maildir(maildir.substr(below.size()), folder.value().get());
}

Result<OpenedRoot> open_mail_root(const RootRequest& request, std::string& at_fault, Keeper keeper) {
    at_fault = request.root.path;
    Result<std::string> path = absolute(request.root.path);
    if (!path) return path.error();
    OpenedRoot opened;
    opened.root.path = std::move(path).value();
    // Opened for reading: a directory that we may not read is of no use.
    UniqueFd folder{::open(opened.root.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!folder) return last_error();
    if (request.why == RootRequest::Why::locks) {
        Result<UniqueFd> same = open_root(request.root);
        if (!same) return same.error();
        folder = std::move(same).value();
    }
    at_fault = opened.root.path + "/buzon-locks";
    Result<LockFiles> files = LockFiles::open(folder.get(), request.why != RootRequest::Why::return_);
    if (!files) return files.error();
    opened.files = std::move(files).value();
    opened.root.mark = opened.files.mark();
    if (keeper == Keeper::another && !posix::Mounts{}.of_directory(at_fault, {}).local) {
        opened.files = LockFiles::of_another_process(opened.root.mark);
        return opened;
    }
    for (const HeldLock& one : request.held)
        if (!opened.files.lock(one)) opened.taken.push_back(one);
    return opened;
}

Result<OpenedRoot> open_without_locks(const std::string& path) {
    Result<LockFiles> none = LockFiles::none(path);
    if (!none) return none.error();
    OpenedRoot opened;
    opened.root = {path, none.value().mark()};
    opened.files = std::move(none).value();
    return opened;
}

} // namespace buzon::mail
