// sandbox/system_calls.h - limits which system calls a process can still make: seccomp, without a library.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <map>
#include <vector>

namespace buzon::sandbox {

// When a system call is allowed. Arguments are counted from 0.
struct When {
    enum class Is : std::uint8_t { always, one_of, with_bits, without_bits, not_with_both, null };
    Is is = Is::always;
    unsigned argument = 0;
    std::vector<std::uint32_t> values{}; // the lower 32 bits, which is all that the kernel looks at in such arguments
};

// The allowed system calls, with one rule for each: a later allow() replaces an earlier one. All others fail with
// EPERM.
class SystemCalls {
public:
    void allow(long call) { calls_[number(call)] = {}; }
    void allow(std::initializer_list<long> calls) {
        for (const long call : calls) allow(call);
    }
    void allow(long call, When when) { calls_[number(call)] = std::move(when); }
    [[nodiscard]] bool allows(long call) const { return calls_.contains(number(call)); }

    // The program that the kernel runs at each call: a binary search by number. Calls that are always allowed are
    // decided by their number alone; the kernel (Linux 5.11) works that out once, and runs the program only for the
    // others.
    [[nodiscard]] std::vector<sock_filter> program() const;

    // Puts it in force for this process and those that it starts. Needs no_new_privs. Returns an errno, or 0; ENOSYS if
    // the kernel cannot do it.
    [[nodiscard]] int enforce() const;

private:
    [[nodiscard]] static std::uint32_t number(long call) noexcept { return static_cast<std::uint32_t>(call); }
    std::map<std::uint32_t, When> calls_;
};

// For programs that are not ours, whose needs we cannot know: all system calls but these. Refused calls fail, but are
// not counted, since none of our code runs in such a program. Calls of another architecture kill the process.
class RefusedCalls {
public:
    void refuse(std::initializer_list<long> calls); // with EPERM
    void refuse_unless(long call, When when);
    void hide(long call); // as if the kernel did not have it: a C library then uses an older call

    [[nodiscard]] std::vector<sock_filter> program() const;
    // Like SystemCalls::enforce().
    [[nodiscard]] int enforce() const;

private:
    std::map<std::uint32_t, std::vector<sock_filter>> calls_; // the instructions that decide about each
};

// Whether the kernel can filter system calls.
[[nodiscard]] bool can_filter_system_calls() noexcept;

} // namespace buzon::sandbox
