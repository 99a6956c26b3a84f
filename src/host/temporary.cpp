#include "temporary.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "buzon/posix/unique_fd.h"
#include "names_in.h"

namespace buzon::host {
namespace {

// Never follows a link: what lies elsewhere is not ours. Nested folders are moved up to the top instead of being
// descended into, so any depth works.
bool clear(int top) {
    unsigned long moved = 0;
    for (int round = 0; round < 1'000'000; ++round) {
        const std::vector<std::string> names = names_in(top);
        if (names.empty()) return true;
        bool progress = false;
        for (const std::string& name : names) {
            if (::unlinkat(top, name.c_str(), 0) == 0 || ::unlinkat(top, name.c_str(), AT_REMOVEDIR) == 0) {
                progress = true;
                continue;
            }
            (void)!::fchmodat(top, name.c_str(), 0700, AT_SYMLINK_NOFOLLOW);
            const posix::UniqueFd folder{::openat(top, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
            if (!folder) continue;
            for (const std::string& inner : names_in(folder.get())) {
                if (::unlinkat(folder.get(), inner.c_str(), 0) == 0) {
                    progress = true;
                    continue;
                }
                (void)!::fchmodat(folder.get(), inner.c_str(), 0700, AT_SYMLINK_NOFOLLOW);
                const std::string place = ".buzon-" + std::to_string(++moved);
                if (::renameat(folder.get(), inner.c_str(), top, place.c_str()) == 0) progress = true;
            }
        }
        if (!progress) return false;
    }
    return false;
}

} // namespace

int Temporary::prepare() {
    struct stat about {};
    if (!path_.empty()) {
        if (::lstat(path_.c_str(), &about) == 0 && S_ISDIR(about.st_mode) && about.st_dev == device_ &&
            about.st_ino == number_ && about.st_uid == ::geteuid()) {
            return 0;
        }
        remove();
    }
    std::string made = "/tmp/buzon-XXXXXX";
    if (!::mkdtemp(made.data())) return errno;
    path_ = made;
    if (::lstat(path_.c_str(), &about) != 0) return errno;
    device_ = about.st_dev;
    number_ = about.st_ino;
    return 0;
}

void Temporary::empty() noexcept {
    if (path_.empty()) return;
    try {
        const posix::UniqueFd top{::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
        struct stat about {};
        if (!top || ::fstat(top.get(), &about) != 0 || about.st_dev != device_ || about.st_ino != number_) return;
        (void)!::fchmod(top.get(), 0700);
        (void)clear(top.get());
    } catch (const std::exception&) { // no memory: the folder stays
    }
}

void Temporary::remove() noexcept {
    empty();
    if (!path_.empty()) ::rmdir(path_.c_str());
    path_.clear();
}

} // namespace buzon::host
