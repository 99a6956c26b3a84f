// service_end.cpp - the end of all children, when the reactor has gone.
#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "buzon/keeping/service.h"
#include "buzon/posix/children.h"

namespace buzon::keeping {

// What a filter host has left that was killed became ours.
void Service::end_strangers() noexcept {
    posix::kill_children([this](pid_t pid) {
        return pid == reactor_ || std::any_of(children_.begin(), children_.end(),
                                              [pid](const Child& c) { return c.number != 0 && c.pid == pid; });
    });
}

// What is in a call to a disk that hangs cannot die yet, and is not waited for for long: it has its signal.
void Service::end_all() {
    constexpr int patience = 200, patience_with_hosts = 3000, step = 10; // milliseconds
    if (!channel_) return;
    notice_ready();
    channel_.reset();
    waiting_.clear();
    const auto left = [this](bool hosts) {
        return std::any_of(children_.begin(), children_.end(),
                           [hosts](const Child& c) { return c.number != 0 && (c.host || !hosts); });
    };
    for (const Child& child : children_)
        if (child.number != 0 && !child.host) ::kill(child.pid, SIGKILL);
    for (int waited = 0; left(waited >= patience) && waited < patience_with_hosts; waited += step) {
        pollfd signal{signals_.get(), POLLIN, 0};
        (void)::poll(&signal, 1, step);
        read_signals();
        reap();
    }
    for (Child& child : children_) child = Child{};
    end_strangers();
}

// Whatever is left, once the reactor has been reaped: this takes the exit of any child.
void Service::end_the_rest() noexcept {
    constexpr int patience = 200, step = 10; // milliseconds
    for (int waited = 0; posix::children_left() && waited < patience; waited += step) {
        posix::kill_children();
        (void)::poll(nullptr, 0, step);
    }
}

} // namespace buzon::keeping
