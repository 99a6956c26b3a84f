#include "roles.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "buzon/posix/sanitized.h"
#include "old_calls.h"

namespace buzon::sandbox {
namespace {

using Is = When::Is;

// What every program of ours does, whatever it is for: memory, time, its open descriptors, its own exit.
void allow_the_usual(SystemCalls& calls) {
    calls.allow({SYS_read, SYS_readv, SYS_pread64, SYS_preadv2, SYS_write, SYS_writev, SYS_pwrite64, SYS_close,
                 SYS_lseek, SYS_dup, SYS_dup3, SYS_fstat, SYS_newfstatat, SYS_memfd_create, SYS_sendfile,
                 SYS_fadvise64});
    calls.allow({SYS_recvmsg, SYS_sendmsg, SYS_recvfrom, SYS_sendto, SYS_shutdown, SYS_getsockopt, SYS_ppoll});
    calls.allow({SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_futex, SYS_rt_sigaction, SYS_rt_sigprocmask,
                 SYS_rt_sigreturn, SYS_restart_syscall, SYS_exit, SYS_exit_group});
    calls.allow({SYS_getpid, SYS_gettid, SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getrandom,
                 SYS_sysinfo, SYS_uname, SYS_getrusage, SYS_sched_getaffinity});
    calls.allow({SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday, SYS_sched_yield});
    calls.allow(BUZON_OLD_CALLS(SYS_poll, SYS_time, SYS_dup2, SYS_getrlimit));
    calls.allow(SYS_fcntl, {Is::one_of,
                            1,
                            {F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, F_ADD_SEALS, F_GET_SEALS, F_OFD_SETLK,
                             F_OFD_SETLKW, F_OFD_GETLK, F_SETLK, F_SETLKW, F_GETLK}});
    calls.allow(SYS_prlimit64, {Is::null, 2});                                          // to read limits
    calls.allow(SYS_tgkill, {Is::one_of, 0, {static_cast<std::uint32_t>(::getpid())}}); // abort()
    calls.allow(SYS_prctl, {Is::one_of, 0, {PR_SET_NAME, PR_GET_DUMPABLE}});
    calls.allow(SYS_setpriority, {Is::one_of, 0, {PRIO_PROCESS}}); // without capabilities: only down, only its own user
    calls.allow(-1); // not a call: strace(1) turns a call that it makes fail into this
    // No memory may become executable.
    calls.allow(SYS_mmap, {Is::without_bits, 2, {PROT_EXEC}});
    calls.allow(SYS_mprotect, {Is::without_bits, 2, {PROT_EXEC}});
    if (!posix::sanitized) return;
    constexpr std::uint32_t name_memory = 0x53564d41; // PR_SET_VMA
    calls.allow(SYS_prctl, {Is::one_of, 0, {PR_SET_NAME, PR_GET_DUMPABLE, name_memory}});
    calls.allow({SYS_mmap, SYS_mprotect, SYS_sigaltstack, SYS_prlimit64, SYS_openat, SYS_readlinkat, SYS_tgkill,
                 SYS_personality, SYS_mincore, SYS_mlock, SYS_munlock});
    calls.allow(BUZON_OLD_CALLS(SYS_readlink, SYS_open));
}

// The libraries that iconv(3) and getpwnam(3) load at run time.
void allow_libraries(SystemCalls& calls) {
    if (!posix::sanitized) calls.allow(SYS_mmap, {Is::not_with_both, 2, {PROT_EXEC, PROT_WRITE}});
}

void allow_files(SystemCalls& calls) {
    calls.allow({SYS_openat,     SYS_newfstatat, SYS_statx,     SYS_faccessat, SYS_faccessat2, SYS_readlinkat,
                 SYS_getdents64, SYS_renameat,   SYS_renameat2, SYS_unlinkat,  SYS_mkdirat,    SYS_linkat,
                 SYS_fsync,      SYS_fdatasync,  SYS_ftruncate, SYS_fchmod,    SYS_fchown,     SYS_statfs,
                 SYS_fstatfs,    SYS_umask,      SYS_getcwd});
    calls.allow(BUZON_OLD_CALLS(SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_rename, SYS_unlink,
                                SYS_rmdir, SYS_mkdir, SYS_link));
    calls.allow(SYS_socketpair, {Is::one_of, 0, {AF_UNIX}}); // to pass many descriptors as one (posix/bundle.h)
}

// Secrets come as memory that must be opened again (files/vault.h).
void allow_vaults(SystemCalls& calls) {
    calls.allow({SYS_openat, SYS_fchmod, SYS_fchmodat, SYS_ftruncate});
    calls.allow(BUZON_OLD_CALLS(SYS_chmod));
}

// Sockets made by other processes, pipes and the event loop; messages that are in the kernel's memory.
void allow_serving(SystemCalls& calls, const Plan& plan) {
    calls.allow({SYS_accept4,      SYS_accept,      SYS_epoll_ctl, SYS_epoll_pwait, SYS_epoll_create1, SYS_setsockopt,
                 SYS_getsockname,  SYS_getpeername, SYS_splice,    SYS_pipe2,       SYS_mincore,       SYS_statx,
                 SYS_faccessat,    SYS_faccessat2,  SYS_fstatfs,   SYS_getdents64,  SYS_getcwd,        SYS_ftruncate,
                 SYS_clock_getres, SYS_sendmmsg,    SYS_recvmmsg});
    calls.allow(BUZON_OLD_CALLS(SYS_epoll_wait, SYS_stat, SYS_lstat, SYS_access));
    calls.allow(SYS_socketpair, {Is::one_of, 0, {AF_UNIX}});
    calls.allow(SYS_ioctl, {Is::one_of, 1, {FIONREAD, SIOCOUTQ}});
    calls.allow(SYS_fcntl, {Is::one_of,
                            1,
                            {F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, F_ADD_SEALS, F_GET_SEALS, F_OFD_SETLK,
                             F_OFD_GETLK, F_SETPIPE_SZ}});
    calls.allow(SYS_capget); // whether mincore(2) tells the truth
    // Files only by openat2(2), which opens what is in memory (local/open_cached.h), not by any call that may wait.
    if (!plan.files.empty()) calls.allow(SYS_openat2);
}

constexpr std::uint64_t bit(int capability) noexcept {
    return std::uint64_t{1} << capability;
}

// For a server started by root: access to files, whoever owns them.
constexpr std::uint64_t any_file =
    bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_CHOWN) | bit(CAP_FOWNER) | bit(CAP_FSETID);

// The keeper starts its children as other users, kills them, takes capabilities from them, and binds low ports.
constexpr std::uint64_t kept_by_keeper =
    bit(CAP_SETUID) | bit(CAP_SETGID) | bit(CAP_SETPCAP) | bit(CAP_KILL) | bit(CAP_NET_BIND_SERVICE);

} // namespace

SystemCalls system_calls_of(const Plan& plan) {
    SystemCalls calls;
    allow_the_usual(calls);
    switch (plan.role) {
    case Role::mail:
        allow_files(calls);
        allow_libraries(calls);
        calls.allow(SYS_io_uring_enter); // its ring is made earlier, and only opens, reads and closes
        break;
    case Role::files:
        allow_files(calls);
        allow_libraries(calls);
        calls.allow({SYS_inotify_init1, SYS_inotify_add_watch, SYS_flock});
        allow_vaults(calls);
        if (plan.asks_as_others)
            calls.allow({SYS_clone, SYS_wait4, SYS_setgroups, SYS_setresgid, SYS_setresuid, SYS_close_range, SYS_prctl,
                         SYS_set_robust_list, SYS_rseq, SYS_getgroups});
        break;
    case Role::locks: allow_files(calls); break;
    case Role::hash: allow_vaults(calls); break;
    case Role::reactor: allow_serving(calls, plan); break;
    case Role::keeper: break;
    }
    return calls;
}

std::uint64_t capabilities_of(const Plan& plan) noexcept {
    if (plan.asks_as_others) return any_file | bit(CAP_SETUID) | bit(CAP_SETGID) | bit(CAP_SETPCAP);
    switch (plan.role) {
    case Role::hash:
    case Role::reactor: return 0;
    case Role::keeper: return any_file | kept_by_keeper;
    default: return any_file;
    }
}

std::vector<Allowed> files_of(const Plan& plan) {
    switch (plan.role) {
    case Role::mail: // for iconv(3)
        return {{"/usr/lib/gconv"},
                {"/usr/lib64/gconv"},
                {"/usr/lib/x86_64-linux-gnu/gconv"},
                {"/usr/lib/aarch64-linux-gnu/gconv"},
                {"/usr/lib/riscv64-linux-gnu/gconv"}};

    default: return {};
    }
}

} // namespace buzon::sandbox
