// support/process.h - programs that a test runs: started, watched, stopped by pid, never left behind.
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

// How long a test waits for anything before it fails. Generous, for a loaded machine and sanitizers.
inline constexpr Seconds patience{60};

// Retries `done` until it returns true; false if `limit` passes first.
template <class Condition>
[[nodiscard]] bool eventually(Condition done, Seconds limit = patience);

struct Launch {
    static constexpr int closed = -1; // the new program starts without this descriptor
    static constexpr int dev_null = -2;

    std::vector<std::string> argv;
    std::map<std::string, std::string> environment = {}; // added to the test's own
    std::string directory = {};                          // working directory; empty: the test's own
    int standard[3] = {dev_null, dev_null, dev_null};    // descriptors for 0, 1 and 2
    bool powerless = false; // without root's power to ignore file modes and to bind low ports
};

// How a program ended, as a shell reports it: its exit code, or 128 plus the signal number.
using ExitCode = int;

// One child process. The destructor kills it if it still runs.
class Process {
public:
    explicit Process(const Launch& launch);
    Process(Process&& other) noexcept;
    Process& operator=(Process&&) = delete;
    ~Process();

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    void signal(int number) const;
    // Nothing if it still runs after `limit`.
    [[nodiscard]] std::optional<ExitCode> wait(Seconds limit = patience);
    [[nodiscard]] bool running() { return !wait(Seconds{0}); }

private:
    pid_t pid_ = -1;
    std::optional<ExitCode> ended_;
};

// Whether strace or a debugger is attached to it.
[[nodiscard]] bool is_traced(pid_t pid);

struct Finished {
    ExitCode code = -1;
    std::string out;
    std::string err;
};

// Runs a program to completion with `input` on its standard input. Throws if it takes longer than `limit`. Ignores
// launch.standard.
[[nodiscard]] Finished run(Launch launch, const std::string& input = {}, Seconds limit = patience);
[[nodiscard]] Finished run(const std::vector<std::string>& argv, const std::string& input = {});

// How many seccomp filters the server is started with: one with BUZON_UNIT_FILTER (docs/CONTRIBUTING.md).
[[nodiscard]] std::size_t filters_around_server();

// What /proc says about a process.
[[nodiscard]] std::string proc_text(pid_t pid, const std::string& name); // empty if the process has ended
[[nodiscard]] std::size_t descriptors_of(pid_t pid);
// Like prlimit(2), also for another user's process if the test is root without CAP_SYS_RESOURCE.
[[nodiscard]] bool limit_of(pid_t pid, int resource, rlimit& limit);
[[nodiscard]] bool set_limit(pid_t pid, int resource, const rlimit& limit);
// Leaves the process `more` free descriptors. (Its limit is on descriptor numbers, among which there may be gaps.)
void leave_descriptors(pid_t pid, std::size_t more);
[[nodiscard]] std::vector<pid_t> children_of(pid_t pid);
[[nodiscard]] std::vector<pid_t> descendants_of(pid_t pid);
[[nodiscard]] std::vector<pid_t> workers_of(pid_t server); // descendants named buzon-worker or buzon-hash
[[nodiscard]] char state_of(pid_t pid);                    // 'R', 'S', 'Z' ...; 0 if there is no such process
[[nodiscard]] std::size_t zombies_of(pid_t pid);           // zombies among its descendants
[[nodiscard]] std::size_t kilobytes_of(pid_t pid, const std::string& field); // VmRSS, VmHWM ...; 0 if it has ended

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
