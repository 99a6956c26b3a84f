#include "buzon/sandbox/system_calls.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <functional>

#include "buzon/sandbox/denials.h"
#include "support/catch.h"

using namespace buzon;
using sandbox::SystemCalls;
using sandbox::When;

namespace {

constexpr std::uint32_t allowed = SECCOMP_RET_ALLOW, refused = SECCOMP_RET_TRAP, killed = SECCOMP_RET_KILL_PROCESS;

#if defined(__x86_64__)
constexpr std::uint32_t this_machine = AUDIT_ARCH_X86_64;
#else
constexpr std::uint32_t this_machine = AUDIT_ARCH_AARCH64;
#endif

// The verdict that the kernel would reach, instruction by instruction.
std::uint32_t verdict(const std::vector<sock_filter>& program, const seccomp_data& call) {
    std::uint32_t a = 0;
    for (std::size_t at = 0; at < program.size(); ++at) {
        const sock_filter& step = program[at];
        const auto go = [&](bool yes) { at += yes ? step.jt : step.jf; };
        switch (step.code) {
        case BPF_LD | BPF_W | BPF_ABS: std::memcpy(&a, reinterpret_cast<const char*>(&call) + step.k, 4); break;
        case BPF_JMP | BPF_K | BPF_JEQ: go(a == step.k); break;
        case BPF_JMP | BPF_K | BPF_JGE: go(a >= step.k); break;
        case BPF_JMP | BPF_K | BPF_JSET: go((a & step.k) != 0); break;
        case BPF_JMP | BPF_JA: at += step.k; break;
        case BPF_RET | BPF_K: return step.k;
        default: FAIL("an instruction that nobody expects");
        }
    }
    FAIL("a program without an end");
    return 0;
}

template <class Calls>
std::uint32_t verdict(const Calls& calls, int number, std::initializer_list<std::uint64_t> arguments = {}) {
    seccomp_data call{};
    call.nr = number;
    call.arch = this_machine;
    std::size_t i = 0;
    for (const std::uint64_t one : arguments) call.args[i++] = one;
    return verdict(calls.program(), call);
}

// The exit code of a child that may use only these calls, and those that it needs to exit.
int code_within(SystemCalls calls, const std::function<int()>& act) {
    calls.allow({SYS_exit_group, SYS_rt_sigreturn, SYS_sigaltstack}); // the last for AddressSanitizer
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (!sandbox::handle_denials() || calls.enforce() != 0) ::_exit(255);
        ::_exit(act());
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

} // namespace

TEST_CASE("a filter for any set of system calls allows these and no others") {
    for (const int count : {0, 1, 2, 3, 7, 64, 150}) {
        INFO(count);
        SystemCalls calls;
        for (int i = 0; i < count; ++i) calls.allow(3 * i + (i % 2));
        for (int number = -1; number < 3 * count + 3; ++number) {
            const bool in = number >= 0 && number / 3 < count && number % 3 == (number / 3) % 2;
            if (verdict(calls, number) != (in ? allowed : refused)) FAIL(number);
        }
        CHECK(verdict(calls, 0x40000000) == refused); // x32
        CHECK(verdict(calls, 0x7fffffff) == refused);
        CHECK(calls.program().size() < 4096); // the kernel's limit
    }
}

TEST_CASE("a system call of another architecture kills the process") {
    SystemCalls calls;
    calls.allow(1);
    seccomp_data call{};
    call.nr = 1;
    call.arch = AUDIT_ARCH_I386;
    CHECK(verdict(calls.program(), call) == killed);
}

TEST_CASE("a system call may be allowed for some arguments only") {
    using Is = When::Is;
    SystemCalls calls;
    calls.allow({1, 9});
    calls.allow(2, {Is::one_of, 1, {5, 7}});
    calls.allow(3, {Is::without_bits, 2, {PROT_EXEC}});
    calls.allow(4, {Is::not_with_both, 2, {PROT_EXEC, PROT_WRITE}});
    calls.allow(5, {Is::null, 2, {}});
    CHECK(verdict(calls, 2, {0, 5}) == allowed);
    CHECK(verdict(calls, 2, {5, 7}) == allowed);
    CHECK(verdict(calls, 2, {5, 6}) == refused);
    CHECK(verdict(calls, 3, {0, 0, PROT_READ | PROT_WRITE}) == allowed);
    CHECK(verdict(calls, 3, {0, 0, PROT_READ | PROT_EXEC}) == refused);
    CHECK(verdict(calls, 4, {0, 0, PROT_READ | PROT_EXEC}) == allowed);
    CHECK(verdict(calls, 4, {0, 0, PROT_READ | PROT_WRITE}) == allowed);
    CHECK(verdict(calls, 4, {0, 0, PROT_WRITE | PROT_EXEC}) == refused);
    CHECK(verdict(calls, 5, {1, 1, 0}) == allowed);
    CHECK(verdict(calls, 5, {0, 0, 1}) == refused);
    CHECK(verdict(calls, 5, {0, 0, std::uint64_t{1} << 32}) == refused);
    CHECK(verdict(calls, 9) == allowed);
    CHECK(verdict(calls, 6) == refused);
}

TEST_CASE("a filter for foreign programs refuses the listed calls and allows all others") {
    using Is = When::Is;
    constexpr std::uint32_t not_permitted = SECCOMP_RET_ERRNO | EPERM;
    sandbox::RefusedCalls calls;
    CHECK(verdict(calls, 7) == allowed);
    calls.refuse({2, 9, 1000});
    calls.refuse_unless(3, {Is::with_bits, 0, {CLONE_THREAD}});
    calls.refuse_unless(4, {Is::one_of, 0, {17}});
    calls.hide(435);
    for (const int number : {2, 9, 1000, 0x40000000, 0x40000007, 0x7fffffff}) {
        CAPTURE(number);
        CHECK(verdict(calls, number) == not_permitted);
    }
    for (const int number : {0, 1, 5, 8, 10, 434, 436, 999, 1001, 0x3fffffff}) {
        CAPTURE(number);
        CHECK(verdict(calls, number) == allowed);
    }
    CHECK(verdict(calls, 3, {CLONE_THREAD | CLONE_VM}) == allowed);
    CHECK(verdict(calls, 3, {CLONE_VM}) == not_permitted);
    CHECK(verdict(calls, 4, {17}) == allowed);
    CHECK(verdict(calls, 4, {18}) == not_permitted);
    CHECK(verdict(calls, 435) == (SECCOMP_RET_ERRNO | ENOSYS));
    seccomp_data call{};
    call.nr = 7;
    call.arch = AUDIT_ARCH_I386;
    CHECK(verdict(calls.program(), call) == killed);
}

TEST_CASE("a refused system call fails with EPERM, is counted, and does no other harm") {
    if (!sandbox::can_filter_system_calls()) {
        WARN("this kernel cannot filter system calls: nothing is tested");
        return;
    }
    const auto memory = sandbox::make_denials();
    REQUIRE(memory);
    REQUIRE(sandbox::count_denials_in(memory.value().get()));
    const std::uint64_t before = sandbox::denials();
    SystemCalls calls;
    calls.allow(SYS_getpid);
    CHECK(code_within(calls, [] { return ::syscall(SYS_getppid) == -1 && errno == EPERM ? 0 : 1; }) == 0);
    CHECK(sandbox::denials() == before + 1);
    CHECK(sandbox::last_denied() == SYS_getppid);
    CHECK(code_within(calls, [] {
              for (int i = 0; i < 1000; ++i)
                  if (::socket(AF_INET, SOCK_STREAM, 0) != -1 || errno != EPERM) return 1;
              return ::syscall(SYS_getpid) > 0 ? 0 : 2;
          }) == 0);
    CHECK(sandbox::denials() == before + 1001);
}

TEST_CASE("memory for counting denials is refused unless it is sealed against shrinking") {
    const posix::UniqueFd memory{::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    REQUIRE(::ftruncate(memory.get(), 4096) == 0);
    CHECK_FALSE(sandbox::count_denials_in(memory.get()));
    CHECK_FALSE(sandbox::count_denials_in(-1));
    CHECK_FALSE(sandbox::count_denials_in(STDERR_FILENO));
}
