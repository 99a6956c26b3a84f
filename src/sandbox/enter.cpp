#include "buzon/sandbox/enter.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "buzon/posix/sanitized.h"
#include "buzon/sandbox/denials.h"
#include "buzon/sandbox/system_calls.h"
#include "roles.h"

namespace buzon::sandbox {
namespace {

constexpr std::array modes = {std::pair{Mode::automatic, std::string_view{"auto"}},
                              std::pair{Mode::require, std::string_view{"require"}},
                              std::pair{Mode::off, std::string_view{"off"}}};
constexpr std::array accesses = {std::pair{Access::read, 'r'}, std::pair{Access::run, 'x'},
                                 std::pair{Access::write, 'w'}, std::pair{Access::use, 'u'}};

constexpr const char* as_others = "as-others";

std::error_code error(int number) noexcept {
    return {number, std::system_category()};
}

// Both 32-bit words of each set, as the kernel takes them.
std::error_code keep_capabilities(std::uint64_t kept) noexcept {
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (unsigned long one = 0; ::prctl(PR_CAPBSET_READ, one, 0, 0, 0) >= 0; ++one)
        if ((kept >> one & 1) == 0)
            ::prctl(PR_CAPBSET_DROP, one, 0, 0, 0); // if this is refused, there were none to begin with
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> now{};
    if (::syscall(SYS_capget, &header, now.data()) != 0) return posix::last_error();
    for (std::size_t i = 0; i < now.size(); ++i) {
        now[i].permitted &= static_cast<std::uint32_t>(kept >> (32 * i));
        now[i].effective &= now[i].permitted;
        now[i].inheritable = 0;
    }
    if (::syscall(SYS_capset, &header, now.data()) != 0) return posix::last_error();
    return {};
}

// Does nothing if the kernel has no Landlock.
std::error_code confine_to(const Plan& plan, InForce& result) {
    if (landlock_version() == 0) return {};
    Reach reach;
    reach.files = files_of(plan);
    reach.files.insert(reach.files.end(), plan.files.begin(), plan.files.end());
    const auto rules = Ruleset::make(reach);
    if (!rules) return rules.error();
    if (const int why = rules.value().enforce(); why != 0) return error(why);
    result.landlock = true;
    return {};
}

std::error_code filter_system_calls(const Plan& plan, InForce& result) {
    if (!can_filter_system_calls()) return {};
    if (!handle_denials()) return posix::last_error();
    if (const int why = system_calls_of(plan).enforce(); why != 0) return error(why);
    result.seccomp = true;
    return {};
}

} // namespace

std::optional<Mode> parse_mode(std::string_view text) noexcept {
    for (const auto& [mode, name] : modes)
        if (text == name) return mode;
    return std::nullopt;
}

std::string_view name_of(Mode mode) noexcept {
    for (const auto& [one, name] : modes)
        if (one == mode) return name;
    return {};
}

std::vector<std::string> to_arguments(const Plan& plan) {
    std::vector<std::string> all{std::string{name_of(plan.mode)}};
    if (plan.asks_as_others) all.emplace_back(as_others);
    for (const Allowed& one : plan.files)
        for (const auto& [access, letter] : accesses)
            if (access == one.access) all.push_back(std::string{letter} + ':' + one.path);
    return all;
}

std::optional<Plan> from_arguments(Role role, std::span<const char* const> arguments) {
    if (arguments.empty()) return std::nullopt;
    const auto mode = parse_mode(arguments.front());
    if (!mode) return std::nullopt;
    Plan plan{role, *mode};
    for (const std::string_view text : arguments.subspan(1)) {
        if (text == as_others) {
            plan.asks_as_others = true;
            continue;
        }
        const std::size_t before = plan.files.size();
        for (const auto& [access, letter] : accesses)
            if (text.size() > 2 && text[0] == letter && text[1] == ':')
                plan.files.push_back({std::string{text.substr(2)}, access});
        if (plan.files.size() == before) return std::nullopt;
    }
    return plan;
}

InForce available() noexcept {
    return {landlock_version() > 0, can_filter_system_calls(), true};
}

std::string words_for(const InForce& what) {
    std::string words;
    const auto add = [&words](bool in_force, const char* word) {
        if (!in_force) return;
        if (!words.empty()) words += ' ';
        words += word;
    };
    add(what.landlock, "landlock");
    add(what.seccomp, "seccomp");
    add(what.no_new_privs, "no-new-privs");
    return words;
}

std::error_code limit_keeper() {
    if (const std::error_code why = keep_capabilities(capabilities_of({Role::keeper}))) return why;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return posix::last_error();
    // The leak sanitizer must be able to trace the process.
    if (!posix::sanitized && ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return posix::last_error();
    return {};
}

posix::Result<InForce> enter(const Plan& plan) {
    InForce result;
    if (plan.mode == Mode::off) return result;
    const InForce possible = available();
    if (plan.mode == Mode::require && !(possible.landlock && possible.seccomp)) return error(ENOSYS);
    if (const std::error_code why = keep_capabilities(capabilities_of(plan))) return why;
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return posix::last_error();
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return posix::last_error();
    result.no_new_privs = true;
    if (const std::error_code why = confine_to(plan, result)) return why;
    if (const std::error_code why = filter_system_calls(plan, result)) return why;
    return result;
}

} // namespace buzon::sandbox
