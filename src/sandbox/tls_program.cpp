#include "buzon/sandbox/tls_program.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>

#include "buzon/posix/sanitized.h"
#include "old_calls.h"

namespace buzon::sandbox {
namespace {

using Is = When::Is;

// Newer than some headers. The numbers are the same on all architectures.
constexpr long clone3 = 435, pidfd_getfd = 438, process_madvise = 440, mount_setattr = 442, quotactl_fd = 443,
               memfd_secret = 447, fchmodat2 = 452, setxattrat = 463, removexattrat = 466, open_tree_attr = 467,
               file_setattr = 469;

template <class Record>
bool read_at(int file, off_t where, Record& record) noexcept {
    return ::pread(file, &record, sizeof record, where) == static_cast<ssize_t>(sizeof record);
}

// The loader that this program names; empty if it needs none. Nothing if the file cannot be read or is not an ELF
// program for this machine, such as a script.
std::optional<std::string> loader_of(const std::string& program) {
    const posix::UniqueFd file{::open(program.c_str(), O_RDONLY | O_CLOEXEC)};
    ElfW(Ehdr) header{};
    if (!file || !read_at(file.get(), 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_phentsize != sizeof(ElfW(Phdr)))
        return std::nullopt;
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        ElfW(Phdr) part{};
        if (!read_at(file.get(), static_cast<off_t>(header.e_phoff + i * sizeof part), part)) return std::nullopt;
        if (part.p_type != PT_INTERP) continue;
        std::string name(std::min<std::size_t>(part.p_filesz, PATH_MAX), '\0');
        if (::pread(file.get(), name.data(), name.size(), static_cast<off_t>(part.p_offset)) < 0) return std::nullopt;
        return name.c_str();
    }
    return std::string{};
}

} // namespace

Reach reach_of_tls_program(const std::string& program) {
    Reach reach;
    const std::optional<std::string> loader = loader_of(program);
    for (const char* path : {"/usr", "/lib", "/lib64"})
        reach.files.push_back({path, loader ? Access::read : Access::run});
    for (const char* path :
         {"/etc/ssl", "/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/localtime", "/etc/hosts", "/etc/nsswitch.conf",
          "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/dev/urandom", "/dev/random"})
        reach.files.push_back({path, Access::read});
    reach.files.push_back({program, Access::run});
    if (loader && !loader->empty()) reach.files.push_back({*loader, Access::run});
    reach.files.push_back({"/dev/null", Access::use});
    return reach;
}

RefusedCalls refused_to_tls_program() {
    RefusedCalls calls;
    // Acting on other processes.
    calls.refuse({SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, process_madvise, SYS_kcmp, SYS_tkill,
                  SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_pidfd_open, pidfd_getfd, SYS_pidfd_send_signal,
                  SYS_setpriority, SYS_execveat});
    calls.refuse(BUZON_OLD_CALLS(SYS_fork, SYS_vfork));
    const auto itself = static_cast<std::uint32_t>(::getpid());
    for (const long call : {SYS_kill, SYS_tgkill}) calls.refuse_unless(call, {Is::one_of, 0, {itself}});
    calls.refuse_unless(SYS_clone, {Is::with_bits, 0, {CLONE_THREAD}});
    calls.hide(clone3); // its flags are in memory, where a filter cannot see them
    // Other privileges, or another view of the machine.
    calls.refuse({SYS_setuid,     SYS_setgid,     SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid,
                  SYS_setgroups,  SYS_setfsuid,   SYS_setfsgid, SYS_capset,   SYS_unshare,   SYS_setns,
                  SYS_chroot,     SYS_pivot_root, SYS_mount,    SYS_umount2,  SYS_open_tree, open_tree_attr,
                  SYS_move_mount, SYS_fsopen,     SYS_fsconfig, SYS_fsmount,  SYS_fspick,    mount_setattr});
    calls.refuse({SYS_setrlimit});
    // Control of the machine itself.
    calls.refuse({SYS_kexec_load, SYS_kexec_file_load, SYS_reboot, SYS_init_module, SYS_finit_module, SYS_delete_module,
                  SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl, quotactl_fd, SYS_syslog, SYS_settimeofday,
                  SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_sethostname, SYS_setdomainname, SYS_vhangup});
    calls.refuse(BUZON_OLD_CALLS(SYS_ioperm, SYS_iopl, SYS_modify_ldt));
    // Ways around the other limits, and calls that reach much of the kernel.
    calls.refuse({SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl, SYS_add_key, SYS_request_key,
                  SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_name_to_handle_at,
                  SYS_open_by_handle_at, SYS_fanotify_init, SYS_fanotify_mark});
    // Files: Landlock does not cover these.
    calls.refuse({SYS_fchmod, SYS_fchmodat, fchmodat2, SYS_fchown, SYS_fchownat, SYS_setxattr, SYS_lsetxattr,
                  SYS_fsetxattr, setxattrat, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr, removexattrat,
                  file_setattr, SYS_mknodat, SYS_utimensat});
    calls.refuse(BUZON_OLD_CALLS(SYS_chmod, SYS_chown, SYS_lchown, SYS_mknod, SYS_utime, SYS_utimes, SYS_futimesat));
    // Files in memory, which Landlock lets any process execute; and memory that becomes code.
    calls.refuse({SYS_memfd_create, memfd_secret});
    if (!posix::sanitized) { // the tests' program is built with the same sanitizers
        calls.refuse_unless(SYS_mmap, {Is::not_with_both, 2, {PROT_EXEC, PROT_WRITE}});
        for (const long call : {SYS_mprotect, SYS_pkey_mprotect})
            calls.refuse_unless(call, {Is::without_bits, 2, {PROT_EXEC}});
        calls.refuse_unless(SYS_prlimit64, {Is::null, 2}); // limits may only be read
        calls.refuse({SYS_personality});
    }
    // It already has its listening socket, and connects only to a unix socket.
    calls.refuse({SYS_bind, SYS_listen});
    calls.refuse_unless(SYS_socket, {Is::one_of, 0, {AF_UNIX}});
    return calls;
}

std::error_code enter_as_tls_program(const std::string& program, Mode mode) {
    if (mode == Mode::off) return {};
    if (landlock_version() != 0) {
        const auto rules = Ruleset::make(reach_of_tls_program(program));
        if (!rules) return rules.error();
        if (const int why = rules.value().enforce()) return {why, std::system_category()};
    }
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return posix::last_error();
    if (!can_filter_system_calls()) return {};
    return {refused_to_tls_program().enforce(), std::system_category()};
}

} // namespace buzon::sandbox
