// filter/spawn.h - starts one program in a clean room, at a cost that does not depend on the size of the server.
//
// The child borrows our memory until it becomes the program (clone with CLONE_VM and CLONE_VFORK: no page table is
// copied), and our descriptors (CLONE_FILES: nor is their table), and leaves the reason there if it cannot. It gets a
// process group of its own, `/` as directory, umask 077, default signal dispositions and an empty mask, no descriptor
// but 0, 1 and 2, resource limits, no way to new privileges, and dies with the server. Needs Linux 5.9 (close_range).
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "buzon/filter/guard.h"
#include "buzon/posix/result.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::filter {

// 0: as the server itself has it. Never more than the server's own hard limit. Core files are always off.
struct ResourceLimits {
    std::uint64_t cpu_seconds = 300;
    std::uint64_t address_space = std::uint64_t{4} << 30; // octets, each process
    std::uint64_t file_size = std::uint64_t{1} << 30;     // octets, each file written
    // Of the user the programs run as, all of them together, others of that user counted too: a brake on fork bombs.
    // The kernel does not apply it to root.
    std::uint64_t processes = 4096;
    std::uint64_t open_files = 1024;

    [[nodiscard]] bool operator==(const ResourceLimits&) const = default;
};

// The user that programs run as (--transform-user); the server must be root for that.
struct RunAs {
    std::string name; // for messages
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;

    [[nodiscard]] bool operator==(const RunAs&) const = default;
};
// Asks the system's user and group databases, and may wait for them: at start-up. ENOENT: no such user.
[[nodiscard]] posix::Result<RunAs> resolve_user(const std::string& name);

// What a program's environment tells it; nothing else is in there.
struct Environment {
    std::string user;      // BUZON_USER
    std::string uidl;      // BUZON_UIDL
    std::string client_ip; // BUZON_CLIENT_IP
    std::string path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    std::string lang = "C.UTF-8";
};

struct Program {
    std::string_view path;                     // absolute
    const std::vector<std::string>& arguments; // without argv[0], which is the path
    const Environment& environment;
    int input = -1, output = -1, errors = -1; // borrowed; become 0, 1, 2, whatever their numbers are here
    const ResourceLimits& limits;
    const RunAs* run_as = nullptr;
};

struct Started {
    pid_t pid = -1;        // leads a process group of this number
    posix::UniqueFd pidfd; // whoever has it must reap
    Guard::Place place;    // to be ended before the child is reaped
};

// What start() gives: a running program, or the step that failed and why.
struct Launch {
    Started started;
    std::error_code why;
    std::string_view step; // "execve", "setgroups" …

    [[nodiscard]] bool ok() const noexcept { return !why; }
};

class Launcher {
public:
    // Throws std::system_error. To be made early (see Guard). Sets SIGCHLD to its default for the whole process.
    Launcher();
    Launcher(const Launcher&) = delete;
    Launcher& operator=(const Launcher&) = delete;

    // Comes back when the program has been loaded, or could not be: ENOENT, EACCES, ENOEXEC (a script without #!) …
    // A failed start leaves no process behind.
    [[nodiscard]] Launch start(const Program& program);

    [[nodiscard]] const Guard& guard() const noexcept { return guard_; }

private:
    struct Unmap {
        void operator()(char* stack) const noexcept;
    };
    void empty_places() noexcept;

    Guard guard_;
    // Where a program's three descriptors stand while it is started: low numbers, for the child takes along all below.
    std::array<posix::UniqueFd, 3> reserved_;
    std::array<int, 3> places_{}; // their numbers, in order
    posix::UniqueFd idle_;        // what stands there else: /dev/null
    std::vector<int> odd_signals_;
    std::unique_ptr<char, Unmap> stack_; // of the child until it becomes the program; a guard page below
};

} // namespace buzon::filter
