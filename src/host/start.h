// host/start.h - starts a program in a clean environment.
//
// Until it execs, the child shares the host's memory (clone with CLONE_VM and CLONE_VFORK: no page table is copied) and
// reports a failure there. It gets its own process group, `/` as working directory, umask 077, default signal
// dispositions and an empty signal mask, only the descriptors that were passed along, resource limits and no new
// privileges, and it dies with the host. Needs Linux 5.9 (close_range).
#pragma once

#include <sys/types.h>

#include <memory>
#include <span>

#include "buzon/filter/host_message.h"
#include "buzon/posix/unique_fd.h"
#include "confinement.h"

namespace buzon::host {

struct Started {
    pid_t pid = -1; // also the id of its process group
    posix::UniqueFd pidfd;
    int error = 0; // errno; 0: it runs
    filter::Step step = filter::Step::execve;
};

class Stack {
public:
    Stack(); // throws std::bad_alloc
    [[nodiscard]] void* top() const noexcept { return memory_.get() + page + size; }

private:
    static constexpr std::size_t page = 64 * 1024; // at least one page on every machine
    static constexpr std::size_t size = 64 * 1024;
    struct Unmap {
        void operator()(char* memory) const noexcept;
    };
    std::unique_ptr<char, Unmap> memory_;
};

// Returns when the program has been loaded, or has failed to load: ENOENT, EACCES, ENOEXEC (a script without #!) … A
// failed start leaves no process behind. `descriptors` must have higher numbers than they get in the program.
[[nodiscard]] Started start(const Stack& stack, const filter::StartOrder& order, std::span<const int> descriptors,
                            const Confinement& confinement);

} // namespace buzon::host
