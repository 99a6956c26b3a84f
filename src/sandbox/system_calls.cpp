#include "buzon/sandbox/system_calls.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <utility>

namespace buzon::sandbox {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#elif defined(__riscv) && __riscv_xlen == 64
constexpr std::uint32_t architecture = AUDIT_ARCH_RISCV64;
#else
constexpr std::uint32_t architecture = 0; // nothing is filtered
#endif

using Program = std::vector<sock_filter>;

sock_filter statement(int code, std::uint32_t value) {
    return {static_cast<std::uint16_t>(code), 0, 0, value};
}

sock_filter jump(int test, std::uint32_t value, std::size_t if_true, std::size_t if_false) {
    return {static_cast<std::uint16_t>(BPF_JMP | BPF_K | test), static_cast<std::uint8_t>(if_true),
            static_cast<std::uint8_t>(if_false), value};
}

const sock_filter accept = statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
const sock_filter refuse = statement(BPF_RET | BPF_K, SECCOMP_RET_TRAP); // handled in sandbox/denials.cpp

constexpr std::uint32_t first_of_x32 = 0x40000000;

sock_filter fail(std::uint32_t why) {
    return statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | why);
}

sock_filter load(std::size_t offset) {
    return statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}

std::size_t lower_half(unsigned argument) {
    return offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t); // all these architectures are little-endian
}

// The instructions that decide about a call once its number is known.
Program decision(const When& when, const sock_filter& no) {
    Program made;
    const auto add = [&made](std::initializer_list<sock_filter> steps) { made.insert(made.end(), steps); };
    if (when.is != When::Is::always) add({load(lower_half(when.argument))});
    switch (when.is) {
    case When::Is::always: add({accept}); break;
    case When::Is::one_of:
        for (const std::uint32_t value : when.values) add({jump(BPF_JEQ, value, 0, 1), accept});
        add({no});
        break;
    case When::Is::with_bits: add({jump(BPF_JSET, when.values.at(0), 0, 1), accept, no}); break;
    case When::Is::without_bits: add({jump(BPF_JSET, when.values.at(0), 0, 1), no, accept}); break;
    case When::Is::not_with_both:
        add({jump(BPF_JSET, when.values.at(0), 0, 2), jump(BPF_JSET, when.values.at(1), 0, 1), no, accept});
        break;
    case When::Is::null:
        add({jump(BPF_JEQ, 0, 0, 3), load(lower_half(when.argument) + 4), jump(BPF_JEQ, 0, 0, 1), accept, no});
        break;
    }
    return made;
}

struct Call {
    std::uint32_t number;
    Program decision;
};

// A binary search. `other`: the decision about numbers that are not in `calls`.
Program search(std::span<const Call> calls, const sock_filter& other) {
    Program made;
    const auto add = [&made](const Program& more) { made.insert(made.end(), more.begin(), more.end()); };
    if (calls.size() == 1) {
        made.push_back(jump(BPF_JEQ, calls.front().number, 1, 0));
        made.push_back(other);
        add(calls.front().decision);
        return made;
    }
    const std::size_t half = calls.size() / 2;
    const Program lower = search(calls.first(half), other);
    made.push_back(jump(BPF_JGE, calls[half].number, 0, 1));
    made.push_back(statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(lower.size())));
    add(lower);
    add(search(calls.subspan(half), other));
    return made;
}

// Calls of another architecture have other numbers, so they kill the process.
Program beginning() {
    return {load(offsetof(seccomp_data, arch)), jump(BPF_JEQ, architecture, 1, 0),
            statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS), load(offsetof(seccomp_data, nr))};
}

Program complete(Program made, const std::vector<Call>& calls, const sock_filter& other) {
    const Program rest = calls.empty() ? Program{other} : search(calls, other);
    made.insert(made.end(), rest.begin(), rest.end());
    return made;
}

int put_in_force(Program steps) {
    if (!can_filter_system_calls()) return ENOSYS;
    const sock_fprog what{static_cast<unsigned short>(steps.size()), steps.data()};
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &what) == 0 ? 0 : errno;
}

std::uint32_t number_of(long call) noexcept {
    return static_cast<std::uint32_t>(call);
}

} // namespace

Program SystemCalls::program() const {
    std::vector<Call> calls;
    for (const auto& [call, when] : calls_) calls.push_back({call, decision(when, refuse)});
    return complete(beginning(), calls, refuse);
}

int SystemCalls::enforce() const {
    return put_in_force(program());
}

void RefusedCalls::refuse(std::initializer_list<long> calls) {
    for (const long call : calls) calls_[number_of(call)] = {fail(EPERM)};
}

void RefusedCalls::refuse_unless(long call, When when) {
    calls_[number_of(call)] = decision(when, fail(EPERM));
}

void RefusedCalls::hide(long call) {
    calls_[number_of(call)] = {fail(ENOSYS)};
}

Program RefusedCalls::program() const {
    std::vector<Call> calls;
    for (const auto& [call, decides] : calls_) calls.push_back({call, decides});
    Program made = beginning();
    // On x86-64, the same calls again, as x32. No other architecture has calls there.
    made.push_back(jump(BPF_JGE, first_of_x32, 0, 1));
    made.push_back(fail(EPERM));
    return complete(std::move(made), calls, accept);
}

int RefusedCalls::enforce() const {
    return put_in_force(program());
}

bool can_filter_system_calls() noexcept {
    if (architecture == 0) return false;
    const std::uint32_t action = SECCOMP_RET_TRAP;
    return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0U, &action) == 0;
}

} // namespace buzon::sandbox
