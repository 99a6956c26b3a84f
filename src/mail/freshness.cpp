#include "buzon/mail/freshness.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace buzon::mail {

using posix::last_error;
using posix::Result;

namespace {

Result<DirectoryStamp> stamp(const std::string& path) {
    struct stat about {};
    if (::lstat(path.c_str(), &about) != 0) {
        if (errno == ENOENT) return DirectoryStamp{};
        return last_error();
    }
    if (!S_ISDIR(about.st_mode))
        return std::error_code{S_ISLNK(about.st_mode) ? ELOOP : ENOTDIR, std::system_category()};
    return stamp_of(about);
}

} // namespace

Result<Stamps> stamps(const std::string& maildir) {
    const Result<DirectoryStamp> in_new = stamp(maildir + "/new");
    if (!in_new) return in_new.error();
    const Result<DirectoryStamp> cur = stamp(maildir + "/cur");
    if (!cur) return cur.error();
    const Result<DirectoryStamp> tmp = stamp(maildir + "/tmp"); // what changes in it is nothing to a snapshot
    if (!tmp && tmp.error().value() == ELOOP) return tmp.error();
    const Stamps both{in_new.value(), cur.value()};
    // Only when neither is there the Maildir itself may be missing.
    if (both == Stamps{} && ::access(maildir.c_str(), F_OK) != 0) return last_error();
    return both;
}

bool is_there(const MailRoot& root) {
    struct stat about {};
    const std::string path = root.mark.of_locks ? root.path + '/' + root_mark_file : root.path;
    return ::stat(path.c_str(), &about) == 0 && about.st_dev == root.mark.device && about.st_ino == root.mark.inode;
}

} // namespace buzon::mail
