// event/signals.h - signals as ordinary events of the loop (signalfd), never as interruptions.
#pragma once

#include <functional>
#include <initializer_list>

#include "buzon/event/event_loop.h"

namespace buzon::event {

// Blocks the given signals for this process and tells `on_signal(number)` of each that arrives. SIGPIPE is ignored
// for the whole process: a peer that has gone is the result of a write.
// Children start with the mask they inherit: whoever starts a program clears it there.
class Signals final : private Handler {
public:
    // Throws std::system_error when the kernel refuses.
    Signals(EventLoop& loop, std::initializer_list<int> numbers, std::function<void(int)> on_signal);
    ~Signals() = default;

private:
    void on_ready(std::uint32_t events) override;

    std::function<void(int)> on_signal_;
    posix::UniqueFd fd_;
    Watch watch_;
};

} // namespace buzon::event
