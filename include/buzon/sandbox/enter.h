// sandbox/enter.h - gives up, for good, all that a process of ours does not need for its work.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/posix/result.h"
#include "buzon/sandbox/landlock.h"

namespace buzon::sandbox {

// What a process is for.
enum class Role : std::uint8_t {
    mail,    // reads and changes maildrops
    files,   // reads and writes the operator's files
    hash,    // checks passwords
    locks,   // keeps locks on a file system that may hang
    reactor, // speaks with clients and managers
    keeper,  // starts all others; only its capabilities are given up
};

enum class Mode : std::uint8_t {
    automatic, // as far as the kernel can
    require,   // no start where it cannot
    off,       // for debugging
};
[[nodiscard]] std::optional<Mode> parse_mode(std::string_view text) noexcept; // auto, require, off
[[nodiscard]] std::string_view name_of(Mode mode) noexcept;

struct Plan {
    Role role = Role::mail;
    Mode mode = Mode::automatic;
    std::vector<Allowed> files{}; // all that it can reach by a path
    bool asks_as_others = false;  // files: starts children that act as another user (filter/inspector.h)
};

// How a plan gets to a process that is started for it: argv behind [0]. From it: nothing if that is no plan.
[[nodiscard]] std::vector<std::string> to_arguments(const Plan& plan);
[[nodiscard]] std::optional<Plan> from_arguments(Role role, std::span<const char* const> arguments);

struct InForce {
    bool landlock = false;
    bool seccomp = false;
    bool no_new_privs = false;
};
// What can be in force on this kernel.
[[nodiscard]] InForce available() noexcept;
// "landlock seccomp no-new-privs", as far as they are in force.
[[nodiscard]] std::string words_for(const InForce& what);

// What of this a keeper does, which has to start programs as others: gives up capabilities that it does not need, for
// good. It and all its children get no others.
[[nodiscard]] std::error_code limit_keeper();

// In this order: capabilities that the role does not need, core dumps and debuggers, files, system calls. Denied system
// calls are counted (sandbox/denials.h). An error if the kernel has what is missing, or with Mode::require if it has
// not: then the process must end. Waits for the disk, where it opens the plan's files.
[[nodiscard]] posix::Result<InForce> enter(const Plan& plan);

} // namespace buzon::sandbox
