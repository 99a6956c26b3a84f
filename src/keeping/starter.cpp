#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <initializer_list>
#include <system_error>

#include "buzon/keeping/service.h"
#include "buzon/sandbox/enter.h"

namespace buzon::keeping {
namespace {

// Keeps nothing open that the reactor will close one day, such as the end of a pipe or a lock.
void keep_only(std::initializer_list<int*> kept) noexcept {
    int number = 3 + static_cast<int>(kept.size());
    for (int* const one : kept) *one = *one < 0 ? -1 : ::fcntl(*one, F_DUPFD_CLOEXEC, number);
    number = 3;
    for (int* const one : kept)
        if (*one >= 0) *one = ::dup3(*one, number++, O_CLOEXEC);
    ::syscall(SYS_close_range, number, ~0U, 0);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO}) ::dup2(null, standard);
    ::close(null);
}

[[noreturn]] void be_starter(Settings settings, int channel, pid_t reactor) noexcept {
    ::prctl(PR_SET_NAME, "buzon-starter", 0, 0, 0);
    ::setpgid(0, 0);
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); // a compromised reactor must not be able to look into it
    if (settings.limited && sandbox::limit_keeper()) ::_exit(EXIT_FAILURE);
    keep_only({&channel, &settings.denials, &settings.arguments});
    if (::getppid() != reactor) ::_exit(EXIT_FAILURE);
    if (settings.confined) settings.confined({sandbox::Role::keeper});
    try {
        const std::function<void()> at_end = std::exchange(settings.at_end, {});
        Service service{std::move(settings)};
        (void)service.serve(posix::UniqueFd{channel}, 0);
        if (at_end) at_end();
        ::_exit(EXIT_SUCCESS);
    } catch (const std::exception&) {
        ::_exit(EXIT_FAILURE); // the reactor sees its channel close
    }
}

} // namespace

Starter::Starter(const Settings& settings) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        throw std::system_error(posix::last_error(), "buzon-starter");
    channel_.reset(pair[0]);
    const posix::UniqueFd theirs{pair[1]};
    const pid_t reactor = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw std::system_error(posix::last_error(), "buzon-starter");
    if (pid_ == 0) be_starter(settings, theirs.get(), reactor);
}

Starter::~Starter() {
    channel_.reset();
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

} // namespace buzon::keeping
