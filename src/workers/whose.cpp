#include "whose.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "buzon/local/freshness.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::workers {

bool is_within_reach(const std::string& maildir) {
    if (const posix::UniqueFd folder{::open(maildir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)}; folder) return true;
    if (errno != ENOENT) return errno != EACCES;
    const std::string above = maildir.substr(0, std::max<std::size_t>(maildir.rfind('/'), 1));
    const posix::UniqueFd folder{::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    return folder || errno != EACCES;
}

bool is_ours(const std::string& maildir) {
    struct stat named {
    }, there{};
    if (::lstat(maildir.c_str(), &named) != 0) return errno != EACCES;
    // A folder that the sandbox does not let us open belongs to somebody else, too.
    const posix::UniqueFd folder{::open(maildir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!folder) return errno != EACCES;
    if (::fstat(folder.get(), &there) != 0) return false;
    const bool link_counts = !S_ISLNK(named.st_mode) || named.st_uid == 0 || named.st_uid == there.st_uid;
    return link_counts && there.st_uid == ::geteuid();
}

bool root_is_there(const message::MailRoot& root, Duty duty) {
    if (local::is_there(root)) return true;
    return duty == Duty::alone && errno == EACCES;
}

} // namespace buzon::workers
