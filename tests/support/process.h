// support/process.h - programs run by a test: started, watched, stopped by pid, never left behind.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace buzon::test {

using Seconds = std::chrono::duration<double>;

// The longest any single wait of a test takes before it is a failure. Generous: a loaded machine under sanitizers.
inline constexpr Seconds patience{60};

// Tries `done` again and again until it holds; false when `limit` has passed first.
template <class Condition>
[[nodiscard]] bool eventually(Condition done, Seconds limit = patience);

struct Launch {
    static constexpr int closed = -1; // the descriptor is not open at all in the new program
    static constexpr int dev_null = -2;

    std::vector<std::string> argv;
    std::map<std::string, std::string> environment = {}; // added to the test's own
    std::string directory = {};                          // to start in; empty: the test's own
    int standard[3] = {dev_null, dev_null, dev_null};    // descriptors to use as 0, 1, 2
    bool powerless = false; // without root's right to pass over file modes and to bind low ports
};

// How a program ended, as a shell says it: its exit code, or 128 and the number of the signal.
using ExitCode = int;

// One child. Destroying a live one kills it.
class Process {
public:
    explicit Process(const Launch& launch);
    Process(Process&& other) noexcept;
    Process& operator=(Process&&) = delete;
    ~Process();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    void signal(int number) const;
    // Nothing when it still runs after `limit`.
    [[nodiscard]] std::optional<ExitCode> wait(Seconds limit = patience);
    [[nodiscard]] bool running() { return !wait(Seconds{0}); }

private:
    pid_t pid_ = -1;
    std::optional<ExitCode> ended_;
};

// Whether strace, or a debugger, holds on to it.
[[nodiscard]] bool is_traced(pid_t pid);

struct Finished {
    ExitCode code = -1;
    std::string out;
    std::string err;
};

// Runs a program to its end with `input` on its standard input. Throws when it takes longer than `limit`.
// launch.standard is not used.
[[nodiscard]] Finished run(Launch launch, const std::string& input = {}, Seconds limit = patience);
[[nodiscard]] Finished run(const std::vector<std::string>& argv, const std::string& input = {});

// How many filters of system calls the server is started with: one with BUZON_UNIT_FILTER (docs/CONTRIBUTING.md).
[[nodiscard]] std::size_t filters_around_server();

// What /proc tells about a process from outside.
[[nodiscard]] std::string proc_text(pid_t pid, const std::string& name); // empty when the process has ended meanwhile
[[nodiscard]] std::size_t descriptors_of(pid_t pid);
// As prlimit(2), also for a process of another user where the test is root but may not pass over that.
[[nodiscard]] bool limit_of(pid_t pid, int resource, rlimit& limit);
[[nodiscard]] bool set_limit(pid_t pid, int resource, const rlimit& limit);
// From now on the process finds only so many more. (Its limit is one on their numbers, among which there may be gaps.)
void leave_descriptors(pid_t pid, std::size_t more);
[[nodiscard]] std::vector<pid_t> children_of(pid_t pid);
[[nodiscard]] std::vector<pid_t> descendants_of(pid_t pid);
[[nodiscard]] std::vector<pid_t> workers_of(pid_t server); // its descendants under the names buzon-worker, buzon-hash
[[nodiscard]] char state_of(pid_t pid);                    // 'R', 'S', 'Z' ...; 0 when there is none
[[nodiscard]] std::size_t zombies_of(pid_t pid);           // among its descendants
[[nodiscard]] std::size_t kilobytes_of(pid_t pid, const std::string& field); // VmRSS, VmHWM ...; 0 when it has ended

void pause_for(Seconds time);

template <class Condition>
bool eventually(Condition done, Seconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
        if (done()) return true;
        if (std::chrono::steady_clock::now() >= end) return false;
        pause_for(Seconds{0.005});
    }
}

} // namespace buzon::test
