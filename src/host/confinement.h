// host/confinement.h - what a program can reach (--transform-jail): two Landlock domains, one filter of calls, and a
// folder for temporary files.
#pragma once

#include <optional>
#include <string>

#include "buzon/filter/host_message.h"
#include "buzon/sandbox/landlock.h"
#include "surroundings.h"
#include "temporary.h"

namespace buzon::host {

class Confinement {
public:
    // Before each start: brings everything up to date and adds TMPDIR to the program's variables, which stay valid
    // until the next call. Returns an errno, or 0.
    [[nodiscard]] int prepare(filter::StartOrder& order);
    // In the program's process, before it execs; may be called between fork() and execve(). Returns an errno, or 0.
    [[nodiscard]] int enforce() const noexcept;
    // The program has ended, and all that it started.
    void finish() noexcept { temporary_.empty(); }

private:
    [[nodiscard]] int prepare_temporary(const filter::StartOrder& order);
    [[nodiscard]] int hide(const filter::Jail& jail);
    [[nodiscard]] int shut(const filter::StartOrder& order);

    filter::Jail jail_; // that what follows was made for
    Surroundings surroundings_;
    std::optional<sandbox::Ruleset> outer_;
    std::optional<sandbox::Ruleset> inner_; // strict
    bool sockets_ = true;
    Temporary temporary_;
    std::string variable_;
};

} // namespace buzon::host
