// support/forking_starter.h - starts filter hosts as children of the test's process.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <vector>

#include "buzon/host/host.h"
#include "buzon/keeper/starter.h"

namespace buzon::test {

// Reaps them in the end.
class ForkingStarter final : public keeper::Starter {
public:
    ForkingStarter() = default;
    ForkingStarter(const ForkingStarter&) = delete;
    ForkingStarter& operator=(const ForkingStarter&) = delete;
    ~ForkingStarter() override { end(); }

    // Their sockets must be closed, or they would wait for ever.
    void end() {
        for (const pid_t pid : hosts) ::waitpid(pid, nullptr, 0);
        hosts.clear();
    }

    std::vector<pid_t> hosts;
    bool refuses = false; // no memory

private:
    std::uint32_t start(keeper::Child&, const keeper::ChildSpec&, posix::UniqueFd socket) override {
        if (refuses) return 0;
        const pid_t pid = ::fork();
        if (pid == 0) {
            // Nothing of the test's, or it would wait for the end of pipes that we hold.
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
