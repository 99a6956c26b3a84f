#include "buzon/posix/act_as.h"

#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

namespace buzon::posix {
namespace {

// After the next execve(2), even user 0 has none of root's powers.
int give_up_capabilities() noexcept {
    for (unsigned long one = 0; ::prctl(PR_CAPBSET_READ, one, 0, 0, 0) >= 0; ++one)
        if (::prctl(PR_CAPBSET_DROP, one, 0, 0, 0) != 0) return errno;
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); // older kernels have no ambient set
    return 0;
}

} // namespace

int act_as(const Ids& who, std::span<const gid_t> groups) noexcept {
    if (who.uid == Ids::unsaid || who.gid == Ids::unsaid) return EINVAL;
    if (const int why = give_up_capabilities()) return why;
    if (::setgroups(groups.size(), groups.data()) != 0 || ::setresgid(who.gid, who.gid, who.gid) != 0 ||
        ::setresuid(who.uid, who.uid, who.uid) != 0)
        return errno;
    return 0;
}

} // namespace buzon::posix
