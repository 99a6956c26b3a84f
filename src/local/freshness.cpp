#include "buzon/local/freshness.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace buzon::local {

using posix::last_error;
using posix::Result;

namespace {

Result<message::DirectoryStamp> stamp(const std::string& path) {
    struct stat about {};
    if (::lstat(path.c_str(), &about) != 0) {
        if (errno == ENOENT) return message::DirectoryStamp{};
        return last_error();
    }
    if (!S_ISDIR(about.st_mode))
        return std::error_code{S_ISLNK(about.st_mode) ? ELOOP : ENOTDIR, std::system_category()};
    return message::stamp_of(about);
}

} // namespace

Result<message::Stamps> stamps(const std::string& maildir) {
    const Result<message::DirectoryStamp> in_new = stamp(maildir + "/new");
    if (!in_new) return in_new.error();
    const Result<message::DirectoryStamp> cur = stamp(maildir + "/cur");
    if (!cur) return cur.error();
    const Result<message::DirectoryStamp> tmp = stamp(maildir + "/tmp"); // changes in tmp do not affect a snapshot
    if (!tmp && tmp.error().value() == ELOOP) return tmp.error();
    const message::Stamps both{in_new.value(), cur.value()};
    // Only if both are missing can the Maildir itself be missing.
    if (both == message::Stamps{} && ::access(maildir.c_str(), F_OK) != 0) return last_error();
    return both;
}

bool is_there(const message::MailRoot& root) {
    struct stat about {};
    const std::string path = root.mark.of_locks ? root.path + '/' + message::root_mark_file : root.path;
    return ::stat(path.c_str(), &about) == 0 && about.st_dev == root.mark.device && about.st_ino == root.mark.inode;
}

} // namespace buzon::local
