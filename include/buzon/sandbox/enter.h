// sandbox/enter.h - gives up, for good, everything that a process of ours does not need for its work.
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
    reactor, // talks to clients and managers
    keeper,  // starts all others; limit_keeper() instead of enter()
};

enum class Mode : std::uint8_t {
    automatic, // as far as the kernel supports it
    require,   // do not start if the kernel lacks something
    off,       // for debugging
};
[[nodiscard]] std::optional<Mode> parse_mode(std::string_view text) noexcept; // auto, require, off
[[nodiscard]] std::string_view name_of(Mode mode) noexcept;

struct Plan {
    Role role = Role::mail;
    Mode mode = Mode::automatic;
    std::vector<Allowed> files{}; // all that it can reach by a path
    bool asks_as_others = false;  // Role::files: starts children that act as another user (filter/inspector.h)
};

// Passes a plan to a process that is started for it: argv without argv[0]. from_arguments() returns nothing if they are
// not a plan.
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

// The part of this for the keeper, which must start programs as other users: gives up, for good, the capabilities that
// it does not need, core dumps and debuggers. Neither it nor its children can gain further capabilities.
[[nodiscard]] std::error_code limit_keeper();

// Gives up, in this order: capabilities that the role does not need, core dumps and debuggers, files, system calls.
// Denied system calls are counted (sandbox/denials.h). Fails if something that the kernel supports cannot be put in
// force or, with Mode::require, if the kernel does not support it: then the process must end. May wait for the disk, to
// open the plan's files.
[[nodiscard]] posix::Result<InForce> enter(const Plan& plan);

} // namespace buzon::sandbox
