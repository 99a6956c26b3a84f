// event/signals.h - signals as events of the loop (signalfd).
#pragma once

#include <functional>
#include <initializer_list>

#include "buzon/event/event_loop.h"

namespace buzon::event {

// Blocks the given signals for this process and calls `on_signal(number)` for each that arrives. SIGPIPE is ignored for
// the whole process; a write reports that the peer is gone. Children inherit the signal mask, so code that starts a
// program must clear it there.
class Signals final : private Handler {
public:
    // Throws std::system_error if the kernel refuses.
    Signals(EventLoop& loop, std::initializer_list<int> numbers, std::function<void(int)> on_signal);
    ~Signals() = default;

private:
    void on_ready(std::uint32_t events) override;

    std::function<void(int)> on_signal_;
    posix::UniqueFd fd_;
    Watch watch_;
};

} // namespace buzon::event
