#include "child_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <initializer_list>
#include <tuple>

namespace buzon::keeping {
namespace {

constexpr int child_socket = 3, first_inherited = 4;

bool put(int fd, int number) noexcept {
    if (fd != number) return ::dup2(fd, number) == number;
    return ::fcntl(fd, F_SETFD, 0) == 0; // dup2 would leave it close-on-exec
}

bool take_descriptors(const ChildPlan& plan) noexcept {
    constexpr int count = 5, behind = first_inherited + count;
    static_assert(count == std::tuple_size_v<decltype(ChildPlan::inherited)>);
    const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int out = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    // First move all of them out of the way: one may have the number that another is to get.
    const int socket = ::fcntl(plan.socket, F_DUPFD_CLOEXEC, behind);
    int apart[count];
    for (int i = 0; i < count; ++i)
        apart[i] = plan.inherited[static_cast<std::size_t>(i)] < 0
                       ? -1
                       : ::fcntl(plan.inherited[static_cast<std::size_t>(i)], F_DUPFD_CLOEXEC, behind);
    if (in < 0 || out < 0 || socket < 0 || !put(in, 0) || !put(out, 1) || !put(socket, child_socket)) return false;
    for (int i = 0; i < count; ++i) {
        if (apart[i] < 0)
            ::close(first_inherited + i);
        else if (!put(apart[i], first_inherited + i))
            return false;
    }
    return ::syscall(SYS_close_range, behind, ~0U, 0) == 0;
}

void default_signals() noexcept {
    for (const int number : {SIGPIPE, SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGTTOU}) ::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

} // namespace

int prepare_child(const ChildPlan& plan) noexcept {
    // In a process group of its own: Ctrl-C for the server must not end a worker in the middle of an update.
    ::setpgid(0, 0);
    if (!take_descriptors(plan)) return errno;
    // Otherwise it could go on changing maildrops that the next server, which by then holds the locks, already shows.
    if (!plan.may_outlive && ::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
    if (::getppid() != plan.parent) return ESRCH;
    default_signals();
    return 0;
}

} // namespace buzon::keeping
