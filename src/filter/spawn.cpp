#include "buzon/filter/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
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

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

// The child runs on a stack unknown to the sanitizers and leaves its functions by execve() or _exit(): their notes
// about its frames would be wrong for the next child.
#define BUZON_IN_CHILD __attribute__((no_sanitize("address", "undefined"), noinline))

namespace buzon::filter {
namespace {

constexpr std::size_t page = 64 * 1024; // at least one page on every machine
constexpr std::size_t stack_size = 64 * 1024;

struct Limit {
    int resource;
    rlimit value;
};

// All the child needs, prepared by the parent: the child allocates nothing.
struct Plan {
    const char* path;
    char* const* arguments;
    char* const* environment;
    const int* places;      // of the descriptors that become 0, 1 and 2
    const int* odd_signals; // ended by 0
    std::array<Limit, 6> limits;
    const RunAs* run_as;
    pid_t server;
    Guard::Place* place;
    // Its answer.
    int error;
    const char* step;
};

BUZON_IN_CHILD int fail(Plan& plan, const char* step) {
    plan.error = errno;
    plan.step = step;
    return 1;
}

// Until close_range() we share the parent's descriptor table; it then leaves us a copy of the few descriptors below its
// first argument. (Copying all of them in clone(), only to close them here, would cost more with every session.)
BUZON_IN_CHILD int set_descriptors(Plan& plan) {
    const int last = plan.places[2];
    if (::syscall(SYS_close_range, static_cast<unsigned>(last) + 1, ~0U, CLOSE_RANGE_UNSHARE) != 0) {
        return fail(plan, "close_range");
    }
    for (int number = 0; number < 3; ++number) {
        if (::dup2(plan.places[number], number) < 0) return fail(plan, "dup2");
    }
    if (::syscall(SYS_close_range, 3U, ~0U, 0U) != 0) return fail(plan, "close_range");
    return 0;
}

// By system call: glibc's functions would notify all threads of the process, and that list belongs to our parent.
BUZON_IN_CHILD int set_user(Plan& plan) {
    const RunAs* who = plan.run_as;
    if (!who) return 0;
    if (::syscall(SYS_setgroups, who->groups.size(), who->groups.data()) != 0) return fail(plan, "setgroups");
    if (::syscall(SYS_setresgid, who->gid, who->gid, who->gid) != 0) return fail(plan, "setresgid");
    if (::syscall(SYS_setresuid, who->uid, who->uid, who->uid) != 0) return fail(plan, "setresuid");
    return 0;
}

BUZON_IN_CHILD int set_limits(Plan& plan) {
    for (const Limit& limit : plan.limits) {
        if (::prlimit(0, static_cast<__rlimit_resource>(limit.resource), &limit.value, nullptr) != 0) {
            return fail(plan, "setrlimit");
        }
    }
    return 0;
}

// The server ignores some signals and blocks others; both would pass through execve().
BUZON_IN_CHILD void reset_signals(const Plan& plan) {
    struct sigaction plain;
    plain.sa_handler = SIG_DFL;
    plain.sa_flags = 0;
    sigemptyset(&plain.sa_mask);
    for (const int* number = plan.odd_signals; *number != 0; ++number) ::sigaction(*number, &plain, nullptr);
}

// Signals not at their default, ended by 0. The server determines them once, before it starts its first program:
// resetting all of them in every child would take 62 calls.
std::vector<int> odd_signals() {
    std::vector<int> numbers;
    for (int number = 1; number < NSIG; ++number) {
        struct sigaction now {};
        if (::sigaction(number, nullptr, &now) == 0 &&
            ((now.sa_flags & SA_SIGINFO) != 0 || now.sa_handler != SIG_DFL)) {
            numbers.push_back(number);
        }
    }
    numbers.push_back(0);
    return numbers;
}

BUZON_IN_CHILD int become_program(void* argument) {
    Plan& plan = *static_cast<Plan*>(argument);
    if (::setpgid(0, 0) != 0) return fail(plan, "setpgid");
    plan.place->enter(static_cast<pid_t>(::syscall(SYS_getpid)));
    reset_signals(plan);
    if (set_descriptors(plan) != 0) return 1;
    if (::chdir("/") != 0) return fail(plan, "chdir");
    ::umask(077);
    if (set_limits(plan) != 0 || set_user(plan) != 0) return 1;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail(plan, "no new privileges");
    // After the change of user, which clears it. If the server died before this line, no signal will come.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return fail(plan, "death signal");
    if (static_cast<pid_t>(::syscall(SYS_getppid)) != plan.server) return fail(plan, "server gone");
    const std::uint64_t no_signals = 0;
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, nullptr, sizeof no_signals);
    ::execve(plan.path, plan.arguments, plan.environment);
    return fail(plan, "execve");
}

Limit limit_to(int resource, std::uint64_t soft, std::uint64_t hard) {
    Limit limit{resource, {}};
    ::prlimit(0, static_cast<__rlimit_resource>(resource), nullptr, &limit.value);
    limit.value.rlim_max = std::min<rlim_t>(limit.value.rlim_max, hard);
    limit.value.rlim_cur = std::min<rlim_t>({limit.value.rlim_cur, limit.value.rlim_max, soft});
    return limit;
}

// As the server has it when not limited.
Limit limit_to(int resource, std::uint64_t value) {
    const std::uint64_t bound = value == 0 ? RLIM_INFINITY : value;
    return limit_to(resource, bound, bound);
}

std::array<Limit, 6> limits_of(const ResourceLimits& limits) {
    const std::uint64_t cpu = limits.cpu_seconds == 0 ? RLIM_INFINITY : limits.cpu_seconds;
    // SIGXCPU first, which a program can report; SIGKILL if it ignores that.
    return {limit_to(RLIMIT_CPU, cpu, limits.cpu_seconds == 0 ? RLIM_INFINITY : cpu + 5),
            limit_to(RLIMIT_AS, limits.address_space),
            limit_to(RLIMIT_FSIZE, limits.file_size),
            limit_to(RLIMIT_NPROC, limits.processes),
            limit_to(RLIMIT_NOFILE, limits.open_files),
            Limit{RLIMIT_CORE, {0, 0}}};
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> result;
    result.reserve(strings.size() + 1);
    for (const std::string& text : strings) result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

// No handler of ours may run in the child, because it would run in our memory. glibc's own function omits two signals.
class AllSignalsBlocked {
public:
    AllSignalsBlocked() noexcept {
        const std::uint64_t all = ~std::uint64_t{0};
        ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before_, sizeof all);
    }
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
    ~AllSignalsBlocked() { ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before_, nullptr, sizeof before_); }

private:
    std::uint64_t before_ = 0;
};

// For a child that is about to exit.
void reap(int pidfd) noexcept {
    siginfo_t info{};
    while (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info, WEXITED) != 0 && errno == EINTR) {
    }
}

} // namespace

posix::Result<RunAs> resolve_user(const std::string& name) {
    std::vector<char> buffer(16 * 1024);
    passwd entry{};
    passwd* found = nullptr;
    if (const int error = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found); error != 0) {
        return std::error_code{error, std::system_category()};
    }
    if (!found) return std::error_code{ENOENT, std::system_category()};
    RunAs who{name, entry.pw_uid, entry.pw_gid, {}};
    int count = 64;
    who.groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(name.c_str(), who.gid, who.groups.data(), &count) < 0) {
        who.groups.resize(static_cast<std::size_t>(count));
        if (::getgrouplist(name.c_str(), who.gid, who.groups.data(), &count) < 0) {
            return std::error_code{ERANGE, std::system_category()};
        }
    }
    who.groups.resize(static_cast<std::size_t>(count));
    return who;
}

void Launcher::Unmap::operator()(char* stack) const noexcept {
    ::munmap(stack, page + stack_size);
}

Launcher::Launcher() {
    void* const memory =
        ::mmap(nullptr, page + stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) throw std::system_error(posix::last_error(), "stack of a new program");
    stack_.reset(static_cast<char*>(memory));
    ::mprotect(memory, page, PROT_NONE);
    // The lowest free ones, which are low if the launcher is created early. The last one is the highest.
    const posix::UniqueFd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    for (posix::UniqueFd* fd : {&reserved_[0], &reserved_[1], &reserved_[2], &idle_}) {
        fd->reset(::fcntl(null.get(), F_DUPFD_CLOEXEC, 3)); // none that is to become another one
        if (!*fd) throw std::system_error(posix::last_error(), "/dev/null");
    }
    std::transform(reserved_.begin(), reserved_.end(), places_.begin(),
                   [](const posix::UniqueFd& fd) { return fd.get(); });
    std::sort(places_.begin(), places_.end());
    // A parent may have left it ignored. Then the kernel would reap our children, and their exit statuses would be
    // lost.
    std::signal(SIGCHLD, SIG_DFL);
}

// While they hold a pipe open, its end would not be seen.
void Launcher::empty_places() noexcept {
    for (const int place : places_) ::dup3(idle_.get(), place, O_CLOEXEC);
}

Launch Launcher::start(const Program& program) {
    std::vector<std::string> arguments{std::string{program.path}};
    arguments.insert(arguments.end(), program.arguments.begin(), program.arguments.end());
    const Environment& about = program.environment;
    const std::vector<std::string> environment{"BUZON_USER=" + about.user, "BUZON_UIDL=" + about.uidl,
                                               "BUZON_CLIENT_IP=" + about.client_ip, "PATH=" + about.path,
                                               "LANG=" + about.lang};
    const std::vector<char*> argument_pointers = pointers(arguments);
    const std::vector<char*> environment_pointers = pointers(environment);
    if (odd_signals_.empty()) odd_signals_ = odd_signals();

    Launch launch;
    launch.started.place = guard_.reserve();
    launch.started.place.pipes(program.output, program.errors);
    Plan plan{arguments.front().c_str(),
              argument_pointers.data(),
              environment_pointers.data(),
              places_.data(),
              odd_signals_.data(),
              limits_of(program.limits),
              program.run_as,
              ::getpid(),
              &launch.started.place,
              0,
              nullptr};
    const int descriptors[] = {program.input, program.output, program.errors};
    for (std::size_t i = 0; i < 3; ++i) {
        if (::dup3(descriptors[i], places_[i], O_CLOEXEC) >= 0) continue;
        launch.why = posix::last_error();
        launch.step = "dup";
        empty_places();
        launch.started.place.end();
        return launch;
    }
    int pidfd = -1;
    int clone_error = 0;
    {
        const AllSignalsBlocked blocked;
        // The parent is suspended until the child has called execve() or exited, so one stack is enough.
        launch.started.pid = ::clone(become_program, stack_.get() + page + stack_size,
                                     CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PIDFD | SIGCHLD, &plan, &pidfd);
        clone_error = errno;
    }
    empty_places();
    if (launch.started.pid < 0) {
        launch.why = {clone_error, std::system_category()};
        launch.step = "clone";
        return launch;
    }
    launch.started.pidfd.reset(pidfd);
    if (plan.step) {
        launch.why = {plan.error, std::system_category()};
        launch.step = plan.step;
        launch.started.place.end();
        reap(pidfd);
        launch.started.pidfd.reset();
        launch.started.pid = -1;
    }
    return launch;
}

} // namespace buzon::filter
