#include "maildir_owner.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "buzon/posix/unique_fd.h"

namespace buzon::keeping {
namespace {

using posix::Ids;
using posix::UniqueFd;

constexpr std::uint32_t no_group = 65534;

// The next part of a path, and what follows it.
struct Part {
    char name[NAME_MAX + 1];
    const char* rest; // null: the part is not a valid name
};

Part first_part(const char* path) noexcept {
    Part part{};
    const std::size_t size = std::strcspn(path, "/");
    if (size == 0 || size > NAME_MAX) return part;
    std::memcpy(part.name, path, size);
    if (std::strcmp(part.name, ".") == 0 || std::strcmp(part.name, "..") == 0) return part;
    part.rest = path[size] == '/' ? path + size + 1 : path + size;
    return part;
}

int look(const char* maildir, const Ids& given, Ids& found) noexcept {
    struct stat named {
    }, there{};
    if (::lstat(maildir, &named) != 0) return errno;
    const UniqueFd folder{::open(maildir, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!folder || ::fstat(folder.get(), &there) != 0) return errno;
    const bool link = S_ISLNK(named.st_mode);
    // Anybody can make a link to somebody else's mail.
    if (link && given.uid == Ids::unsaid && named.st_uid != 0 && named.st_uid != there.st_uid) return EPERM;
    if (!link && (named.st_ino != there.st_ino || named.st_dev != there.st_dev)) return EPERM; // it is being changed
    found.uid = given.uid != Ids::unsaid ? given.uid : there.st_uid;
    found.gid = given.gid;
    // Nor does a directory of another user say which groups this user is in.
    if (given.gid == Ids::unsaid) found.gid = there.st_uid == found.uid ? there.st_gid : no_group;
    return 0;
}

bool is_directory(int folder, const char* name, struct stat& about) noexcept {
    return ::fstatat(folder, name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(about.st_mode);
}

bool looks_like_maildir(int folder, const char* name) noexcept {
    struct stat about {};
    const UniqueFd maildir{::openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    return maildir && (is_directory(maildir.get(), "cur", about) || is_directory(maildir.get(), "new", about));
}

// For a path that, according to the reactor, is a Maildir.
int look_at_vouched(const char* maildir, Ids& found) noexcept {
    const int why = look(maildir, {}, found);
    if (why == 0) return looks_like_maildir(AT_FDCWD, maildir) ? 0 : EPERM;
    char above[PATH_MAX];
    const char* const slash = std::strrchr(maildir, '/');
    struct stat about {};
    if (why != ENOENT || slash == nullptr || slash == maildir || std::strlen(maildir) >= sizeof above) return why;
    std::memcpy(above, maildir, static_cast<std::size_t>(slash - maildir));
    above[slash - maildir] = '\0';
    if (::stat(above, &about) != 0) return errno;
    found = {about.st_uid, about.st_gid};
    return found.uid == 0 ? EPERM : 0;
}

// Descends from the mail root, never through a link, because others own what lies below it. own_folders_only: makes
// nothing in a directory of anybody but `owner`.
int make_below(const char* mail_root, const char* maildir, const Ids& owner, bool own_folders_only) noexcept {
    UniqueFd folder{::open(mail_root, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    struct stat root {
    }, locks{}, made{};
    if (!folder || ::fstat(folder.get(), &root) != 0) return errno;
    // Without buzon-locks, this is only the mount point of a mail root that is not mounted.
    if (::fstatat(folder.get(), "buzon-locks", &locks, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(locks.st_mode))
        return ENOMEDIUM;
    for (const char* rest = maildir + std::strlen(mail_root) + 1; *rest != '\0';) {
        const Part part = first_part(rest);
        if (part.rest == nullptr) return EINVAL;
        struct stat above {};
        if (::fstat(folder.get(), &above) != 0) return errno;
        const bool may_make = !own_folders_only || above.st_uid == owner.uid;
        const bool is_new = may_make && ::mkdirat(folder.get(), part.name, 0700) == 0;
        if (may_make && !is_new && errno != EEXIST) return errno;
        UniqueFd next{::openat(folder.get(), part.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
        if (!next || ::fstat(next.get(), &made) != 0) return errno;
        // The owner of the directory above may have replaced it by another one.
        if (is_new && made.st_uid == ::geteuid() &&
            ::fchown(next.get(), owner.uid, owner.gid != Ids::unsaid ? owner.gid : root.st_gid) != 0)
            return errno;
        folder = std::move(next);
        rest = part.rest;
    }
    return 0;
}

} // namespace

bool is_folder(const char* maildir) noexcept {
    const char* const slash = std::strrchr(maildir, '/');
    return slash != nullptr && slash[1] == '.';
}

bool lies_below(const char* directory, const char* path) noexcept {
    const std::size_t size = std::strlen(directory);
    if (size == 0 || std::strncmp(directory, path, size) != 0) return false;
    const char* rest = path + size;
    if (directory[size - 1] != '/' && *rest++ != '/') return false;
    if (*rest == '\0') return false;
    while (*rest != '\0') {
        const Part part = first_part(rest);
        if (part.rest == nullptr) return false;
        rest = part.rest;
    }
    return path[std::strlen(path) - 1] != '/';
}

int rights_for_maildir(const char* maildir, const char* mail_root, const Ids& given, bool vouched,
                       Ids& found) noexcept {
    if (mail_root == nullptr && given == Ids{} && vouched) return look_at_vouched(maildir, found);
    const int why = look(maildir, given, found);
    if (why != ENOENT || is_folder(maildir)) return why;
    Ids owner = given;
    if (given.uid == Ids::unsaid) { // then it belongs to the owner of the mail root
        if (mail_root == nullptr) return why;
        if (const int unknown = rights_for_root(mail_root, owner)) return unknown;
        if (given.gid != Ids::unsaid) owner.gid = given.gid;
    }
    if (mail_root == nullptr) { // its owner makes it
        found = {owner.uid, owner.gid != Ids::unsaid ? owner.gid : no_group};
        return 0;
    }
    // The reactor may name any path for which no uid is given: nothing is made that this owner could not make.
    if (const int failed = make_below(mail_root, maildir, owner, given.uid == Ids::unsaid)) return failed;
    return look(maildir, given, found);
}

int rights_for_vouched(const char* maildir, const char* mail_root, const Ids& given, Ids& found) noexcept {
    int why = mail_root != nullptr ? look(maildir, {}, found) : look_at_vouched(maildir, found);
    if (why == ENOENT && mail_root != nullptr && !is_folder(maildir)) {
        why = make_below(mail_root, maildir, given, false);
        if (why == 0) why = look(maildir, {}, found);
    }
    if (why != 0) return why;
    if (found.uid != given.uid) return EPERM;
    if (given.gid != Ids::unsaid) found.gid = given.gid;
    return 0;
}

int rights_for_root(const char* mail_root, Ids& found) noexcept {
    struct stat about {};
    if (::stat(mail_root, &about) != 0) return errno;
    found = {about.st_uid, about.st_gid};
    return 0;
}

int unfit_for_mail_root(const char* path) noexcept {
    struct stat root {
    }, about{};
    const std::unique_ptr<DIR, int (*)(DIR*)> folder{::opendir(path), ::closedir};
    if (!folder || ::fstat(::dirfd(folder.get()), &root) != 0) return errno;
    if (is_directory(::dirfd(folder.get()), "buzon-locks", about) && (about.st_uid == 0 || about.st_uid == root.st_uid))
        return 0;
    errno = 0;
    while (const dirent* const one = ::readdir(folder.get())) {
        const char* const name = one->d_name;
        const bool harmless =
            std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0 || std::strcmp(name, "lost+found") == 0;
        if (!harmless && !looks_like_maildir(::dirfd(folder.get()), name)) return ENOTEMPTY;
        errno = 0;
    }
    return errno;
}

int make_as_oneself(const char* maildir) noexcept {
    return ::mkdir(maildir, 0700) == 0 || errno == EEXIST ? 0 : errno;
}

} // namespace buzon::keeping
