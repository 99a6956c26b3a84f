// filter/spawn.h - starts a program in a clean environment, at a cost independent of the size of the server.
//
// Until it execs, the child shares our memory (clone with CLONE_VM and CLONE_VFORK: no page table is copied) and our
// descriptors (CLONE_FILES: nor is their table), and reports a failure there. It gets its own process group, `/` as
// working directory, umask 077, default signal dispositions and an empty signal mask, only the descriptors 0, 1 and 2,
// resource limits and no new privileges, and it dies with the server. Needs Linux 5.9 (close_range).
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

// 0: the server's own limit. Never more than the server's hard limit. Core files are always off.
struct ResourceLimits {
    std::uint64_t cpu_seconds = 300;
    std::uint64_t address_space = std::uint64_t{4} << 30; // octets, each process
    std::uint64_t file_size = std::uint64_t{1} << 30;     // octets, each file written
    // Counts all processes of the programs' user: a brake on fork bombs. The kernel does not apply it to root.
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
// Queries the user and group databases and may block: for startup only. ENOENT: no such user.
[[nodiscard]] posix::Result<RunAs> resolve_user(const std::string& name);

// The program's environment; it contains nothing else.
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
    int input = -1, output = -1, errors = -1; // borrowed; become 0, 1, 2
    const ResourceLimits& limits;
    const RunAs* run_as = nullptr;
};

struct Started {
    pid_t pid = -1;        // also the id of its process group
    posix::UniqueFd pidfd; // its owner must reap the process
    Guard::Place place;    // end it before the child is reaped
};

// The result of start(): a running program, or the step that failed and why.
struct Launch {
    Started started;
    std::error_code why;
    std::string_view step; // "execve", "setgroups" …

    [[nodiscard]] bool ok() const noexcept { return !why; }
};

class Launcher {
public:
    // Throws std::system_error. Create it early (see Guard). Sets SIGCHLD to its default for the whole process.
    Launcher();
    Launcher(const Launcher&) = delete;
    Launcher& operator=(const Launcher&) = delete;

    // Returns when the program has been loaded, or could not be: ENOENT, EACCES, ENOEXEC (a script without #!) …
    // A failed start leaves no process behind.
    [[nodiscard]] Launch start(const Program& program);

    [[nodiscard]] const Guard& guard() const noexcept { return guard_; }

private:
    struct Unmap {
        void operator()(char* stack) const noexcept;
    };
    void empty_places() noexcept;

    Guard guard_;
    // Low numbers for a program's three descriptors while it starts, because the child copies everything below.
    std::array<posix::UniqueFd, 3> reserved_;
    std::array<int, 3> places_{}; // their numbers, in order
    posix::UniqueFd idle_;        // what is there otherwise: /dev/null
    std::vector<int> odd_signals_;
    std::unique_ptr<char, Unmap> stack_; // of the child until it execs; a guard page below
};

} // namespace buzon::filter
