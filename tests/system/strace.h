// system/strace.h - lets a test record system calls of a running server, or make them fail.
#pragma once

#include <csignal>
#include <optional>

#include "support/catch.h"
#include "support/process.h"
#include "system/server.h"

namespace buzon::test {

// Attaches strace to the workers and the reactor (or as `holds` says) until it is destroyed, to make their calls fail
// or to record them. keeper: only the process that was started.
class Strace {
public:
    enum class Holds { all, workers, server, keeper };
    Strace(const Server& server, const Words& how, const std::string& output = "/dev/null", Holds holds = Holds::all) {
        std::vector<pid_t> held;
        if (holds == Holds::all || holds == Holds::workers) held = workers_of(server.pid());
        if (holds == Holds::all || holds == Holds::server) held.push_back(server.reactor());
        if (holds == Holds::keeper) held.push_back(server.pid());
        Launch launch;
        launch.argv = {"strace", "-qq", "-o", output};
        launch.argv.insert(launch.argv.end(), how.begin(), how.end());
        for (const pid_t pid : held) {
            launch.argv.push_back("-p");
            launch.argv.push_back(std::to_string(pid));
        }
        strace_.emplace(launch);
        for (const pid_t pid : held) REQUIRE(eventually([&] { return is_traced(pid); }));
    }
    ~Strace() {
        strace_->signal(SIGTERM); // it detaches from them
        static_cast<void>(strace_->wait());
    }
    Strace(const Strace&) = delete;
    Strace& operator=(const Strace&) = delete;

private:
    std::optional<Process> strace_;
};

// `what`: CALL:WHAT, as in strace's inject=.
[[nodiscard]] inline Words injection(const std::string& what) {
    return {"-e", "trace=" + what.substr(0, what.find(':')), "-e", "inject=" + what};
}

} // namespace buzon::test
