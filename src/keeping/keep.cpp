#include "buzon/keeping/keep.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "buzon/sandbox/enter.h"

namespace buzon::keeping {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds first_pause = 100ms; // doubled after each crash that follows soon
constexpr std::chrono::milliseconds longest_pause = 30s;
constexpr auto soon = 60s;

void be_reactor(pid_t keeper) noexcept {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != keeper) ::_exit(EXIT_FAILURE);
    // In a process group of its own: Ctrl-C reaches only the keeper, which passes it on once. SIGTTOU is ignored so
    // that the reactor can still write to the terminal from there.
    ::setpgid(0, 0);
    ::signal(SIGTTOU, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Ends as the reactor did: returns its exit code, or dies of its signal.
int end_alike(int status) {
    if (!WIFSIGNALED(status)) return WEXITSTATUS(status);
    const int number = WTERMSIG(status);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none); // the reactor's core is useful, ours is not
    ::signal(number, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
    ::raise(number);
    return EXIT_FAILURE;
}

std::string words_for(int status) {
    if (WIFSIGNALED(status)) {
        const char* const name = ::sigdescr_np(WTERMSIG(status));
        return "was killed by signal " + std::to_string(WTERMSIG(status)) + (name ? ", " + std::string{name} : "");
    }
    return "ended with exit code " + std::to_string(WEXITSTATUS(status));
}

// -1: errno says why not.
pid_t fork_with_channel(posix::UniqueFd& ours, posix::UniqueFd& theirs) noexcept {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return -1;
    ours.reset(pair[0]);
    theirs.reset(pair[1]);
    return ::fork();
}

// Between two reactors. True: the keeper has been asked to end.
bool rest(Service& service, std::chrono::milliseconds& pause) {
    const bool asked = service.pause(pause);
    pause = std::min(pause * 2, longest_pause);
    return asked;
}

} // namespace

std::optional<int> keep(const Settings& settings, Birth& birth) {
    Service service{settings};
    if (settings.limited)
        if (const std::error_code why = sandbox::limit_keeper()) throw std::system_error(why, "keeper");
    if (settings.confined) settings.confined({sandbox::Role::keeper});
    const pid_t keeper = ::getpid();
    std::chrono::milliseconds pause = first_pause;
    for (;;) {
        posix::UniqueFd ours, theirs;
        const auto began = std::chrono::steady_clock::now();
        const pid_t reactor = fork_with_channel(ours, theirs);
        if (reactor < 0) {
            const std::error_code why = posix::last_error();
            if (birth.last_end.empty()) throw std::system_error(why, "keeper"); // at startup
            if (rest(service, pause)) break;
            continue;
        }
        if (reactor == 0) {
            service.let_go();
            be_reactor(keeper);
            birth.channel = std::move(theirs);
            return std::nullopt;
        }
        theirs.reset();
        ::prctl(PR_SET_NAME, "buzon-keeper", 0, 0, 0);
        const Service::End end = service.serve(std::move(ours), reactor);
        const bool well = WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0;
        const bool over = well || end.reactor_asked || !end.was_ready;
        if (over && settings.at_end) settings.at_end();
        if (over) return end_alike(end.status);
        if (std::chrono::steady_clock::now() - began > soon) pause = first_pause;
        birth.last_end = words_for(end.status);
        if (end.asked || rest(service, pause)) break;
    }
    if (settings.at_end) settings.at_end();
    return EXIT_SUCCESS;
}

} // namespace buzon::keeping
