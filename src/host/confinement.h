// host/confinement.h - what a program can reach (--transform-jail): two Landlock domains, one system call filter, and a
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
    // Call it before each start: brings everything up to date and adds TMPDIR to the program's variables, which stay
    // valid until the next call. Returns an errno, or 0.
    [[nodiscard]] int prepare(filter::StartOrder& order);
    // Call it in the program's process before execve(). Safe between fork() and execve(). Returns an errno, or 0.
    [[nodiscard]] int enforce() const noexcept;
    // Call it when the program and everything that it started have ended.
    void finish() noexcept { temporary_.empty(); }

private:
    [[nodiscard]] int prepare_temporary(const filter::StartOrder& order);
    [[nodiscard]] int hide(const filter::Jail& jail);
    [[nodiscard]] int shut(const filter::StartOrder& order);

    filter::Jail jail_; // what the members below were made for
    Surroundings surroundings_;
    std::optional<sandbox::Ruleset> outer_;
    std::optional<sandbox::Ruleset> inner_; // strict
    bool sockets_ = true;
    Temporary temporary_;
    std::string variable_;
};

} // namespace buzon::host
