// service_end.cpp - ends all children once the reactor has gone.
#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "buzon/keeping/service.h"
#include "buzon/posix/children.h"

namespace buzon::keeping {

// Kills processes that became our children because their filter host was killed.
void Service::end_strangers() noexcept {
    posix::kill_children([this](pid_t pid) {
        return pid == reactor_ || std::any_of(children_.begin(), children_.end(),
                                              [pid](const Child& c) { return c.number != 0 && c.pid == pid; });
    });
}

// A process that hangs in a call to a disk cannot die yet. Do not wait for it long: its signal is pending.
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

// Ends whatever is left. Call it only after the reactor has been reaped, because this reaps any child.
void Service::end_the_rest() noexcept {
    constexpr int patience = 200, step = 10; // milliseconds
    for (int waited = 0; posix::children_left() && waited < patience; waited += step) {
        posix::kill_children();
        (void)::poll(nullptr, 0, step);
    }
}

} // namespace buzon::keeping
