#include "buzon/posix/jail_mark.h"

#include <cerrno>

namespace buzon::posix {

bool bears_jail_mark(pid_t process) noexcept {
    rlimit ours{}, theirs{};
    if (::prlimit(0, jail_mark, nullptr, &ours) != 0) return false;
    if (::prlimit(process, jail_mark, nullptr, &theirs) != 0) return errno == ESRCH;
    return theirs.rlim_max < ours.rlim_max;
}

} // namespace buzon::posix
