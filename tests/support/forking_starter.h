// support/forking_starter.h - starts filter hosts as children of the test process.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <vector>

#include "buzon/host/host.h"
#include "buzon/keeper/starter.h"

namespace buzon::test {

// The destructor reaps them.
class ForkingStarter final : public keeper::Starter {
public:
    ForkingStarter() = default;
    ForkingStarter(const ForkingStarter&) = delete;
    ForkingStarter& operator=(const ForkingStarter&) = delete;
    ~ForkingStarter() override { end(); }

    // The hosts' sockets must be closed by then, or this waits forever.
    void end() {
        for (const pid_t pid : hosts) ::waitpid(pid, nullptr, 0);
        hosts.clear();
    }

    std::vector<pid_t> hosts;
    bool refuses = false; // as if out of memory

private:
    std::uint32_t start(keeper::Child&, const keeper::ChildSpec&, posix::UniqueFd socket) override {
        if (refuses) return 0;
        const pid_t pid = ::fork();
        if (pid == 0) {
            // Close the test's descriptors: holding the write ends of our pipes, it would wait forever for their end.
            if (socket.get() != 3) ::dup2(socket.get(), 3);
            ::close_range(4, ~0U, 0);
            ::_exit(host::serve(3));
        }
        if (pid < 0) return 0;
        hosts.push_back(pid);
        return ++last_;
    }
    void kill(std::uint32_t) noexcept override {}
    void forget(std::uint32_t) noexcept override {}

    std::uint32_t last_ = 0;
};

} // namespace buzon::test
