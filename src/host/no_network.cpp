#include "no_network.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>

namespace buzon::host {
namespace {

#if defined(__x86_64__)
constexpr unsigned machine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned machine = AUDIT_ARCH_AARCH64;
#elif defined(__riscv) && __riscv_xlen == 64
constexpr unsigned machine = AUDIT_ARCH_RISCV64;
#else
constexpr unsigned machine = 0;
#endif

constexpr unsigned refused = SECCOMP_RET_ERRNO | EPERM;
constexpr unsigned first_of_x32 = 0x40000000; // on x86-64, the x32 numbers of the same calls start here

constexpr sock_filter statement(unsigned code, unsigned value) {
    return {static_cast<unsigned short>(code), 0, 0, value};
}
constexpr sock_filter jump(unsigned code, unsigned value, unsigned char yes, unsigned char no) {
    return {static_cast<unsigned short>(BPF_JMP | code | BPF_K), yes, no, value};
}

constexpr std::array program = {
    statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
    jump(BPF_JEQ, machine, 0, 5), // programs for another architecture cannot make any call
    statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    jump(BPF_JGE, first_of_x32, 3, 0),
    jump(BPF_JEQ, SYS_socket, 2, 0),
    jump(BPF_JEQ, SYS_io_uring_setup, 1, 0),
    statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    statement(BPF_RET | BPF_K, refused),
};

} // namespace

int refuse_sockets() noexcept {
    if constexpr (machine == 0) return ENOSYS;
    const sock_fprog filter{program.size(), const_cast<sock_filter*>(program.data())};
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0 ? 0 : errno;
}

} // namespace buzon::host
