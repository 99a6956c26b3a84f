#include "start.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <new>

#include "buzon/posix/jail_mark.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

// The child runs on a stack unknown to the sanitizers and leaves its functions by execve() or _exit(): what they record
// about its frames would be wrong for the next child.
#define BUZON_IN_CHILD __attribute__((no_sanitize("address", "undefined"), noinline))

namespace buzon::host {
namespace {

using filter::Step;

struct Limit {
    int resource;
    rlimit value;
};

// Everything that the child needs, prepared by the host: the child allocates nothing.
struct Plan {
    const filter::StartOrder& order;
    const int* descriptors;
    std::size_t count;
    std::array<Limit, 7> limits;
    const Confinement& confinement;
    pid_t host;
    // The child's answer.
    int error = 0;
    Step step = Step::execve;
};

BUZON_IN_CHILD int fail(Plan& plan, Step step) {
    plan.error = errno;
    plan.step = step;
    return 1;
}

BUZON_IN_CHILD int set_descriptors(Plan& plan) {
    for (std::size_t number = 0; number < plan.count; ++number) {
        if (::dup2(plan.descriptors[number], static_cast<int>(number)) < 0) return fail(plan, Step::descriptors);
    }
    if (::syscall(SYS_close_range, static_cast<unsigned>(plan.count), ~0U, 0U) != 0) {
        return fail(plan, Step::descriptors);
    }
    return 0;
}

BUZON_IN_CHILD int set_limits(Plan& plan) {
    for (const Limit& limit : plan.limits) {
        if (::prlimit(0, static_cast<__rlimit_resource>(limit.resource), &limit.value, nullptr) != 0) {
            return fail(plan, Step::limits);
        }
    }
    return 0;
}

BUZON_IN_CHILD int become_program(void* argument) {
    Plan& plan = *static_cast<Plan*>(argument);
    if (::setpgid(0, 0) != 0) return fail(plan, Step::process_group);
    if (::chdir("/") != 0) return fail(plan, Step::directory);
    ::umask(077);
    if (set_limits(plan) != 0) return 1;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail(plan, Step::privileges);
    // If the host died before this line, no signal will come.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return fail(plan, Step::death_signal);
    errno = ESRCH;
    if (static_cast<pid_t>(::syscall(SYS_getppid)) != plan.host) return fail(plan, Step::host_gone);
    errno = plan.confinement.enforce();
    if (errno != 0) return fail(plan, Step::jail);
    if (set_descriptors(plan) != 0) return 1;
    const std::uint64_t no_signals = 0;
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, nullptr, sizeof no_signals);
    ::execve(plan.order.words.front(), plan.order.words.data(), plan.order.variables.data());
    return fail(plan, Step::execve);
}

Limit limit_to(int resource, std::uint64_t soft, std::uint64_t hard) {
    Limit limit{resource, {}};
    ::prlimit(0, static_cast<__rlimit_resource>(resource), nullptr, &limit.value);
    limit.value.rlim_max = std::min<rlim_t>(limit.value.rlim_max, hard);
    limit.value.rlim_cur = std::min<rlim_t>({limit.value.rlim_cur, limit.value.rlim_max, soft});
    return limit;
}

// 0: the limit stays as it is in the host.
Limit limit_to(int resource, std::uint64_t value) {
    const std::uint64_t bound = value == 0 ? RLIM_INFINITY : value;
    return limit_to(resource, bound, bound);
}

std::array<Limit, 7> limits_of(const filter::StartOrder& order) {
    const filter::ResourceLimits& limits = order.limits;
    const std::uint64_t locks = order.jail.kind == filter::JailKind::off ? RLIM_INFINITY : 0;
    const std::uint64_t cpu = limits.cpu_seconds == 0 ? RLIM_INFINITY : limits.cpu_seconds;
    // SIGXCPU first, which a program can report; SIGKILL if it ignores that.
    return {limit_to(RLIMIT_CPU, cpu, limits.cpu_seconds == 0 ? RLIM_INFINITY : cpu + 5),
            limit_to(RLIMIT_AS, limits.address_space),
            limit_to(RLIMIT_FSIZE, limits.file_size),
            limit_to(RLIMIT_NPROC, limits.processes),
            limit_to(RLIMIT_NOFILE, limits.open_files),
            Limit{RLIMIT_CORE, {0, 0}},
            limit_to(posix::jail_mark, locks, locks)};
}

// For a child that is about to exit.
void reap(int pidfd) noexcept {
    siginfo_t info{};
    while (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info, WEXITED) != 0 && errno == EINTR) {
    }
}

} // namespace

void Stack::Unmap::operator()(char* memory) const noexcept {
    ::munmap(memory, page + size);
}

Stack::Stack() {
    void* const memory =
        ::mmap(nullptr, page + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc{};
    memory_.reset(static_cast<char*>(memory));
    ::mprotect(memory, page, PROT_NONE);
}

Started start(const Stack& stack, const filter::StartOrder& order, std::span<const int> descriptors,
              const Confinement& confinement) {
    Plan plan{order, descriptors.data(), descriptors.size(), limits_of(order), confinement, ::getpid()};
    Started started;
    int pidfd = -1;
    // The host is suspended until the child has called execve() or exited, so one stack is enough. All signals are
    // blocked in the host, so no handler can run in the child.
    const pid_t pid =
        ::clone(become_program, stack.top(), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan, &pidfd);
    if (pid < 0) {
        started.error = errno;
        started.step = Step::clone;
        return started;
    }
    started.pidfd.reset(pidfd);
    if (plan.error != 0) {
        started.error = plan.error;
        started.step = plan.step;
        reap(pidfd);
        started.pidfd.reset();
        return started;
    }
    started.pid = pid;
    return started;
}

} // namespace buzon::host
