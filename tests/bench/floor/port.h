// bench/floor/port.h - a listening port and the epoll that attends to it: what both bare loops with clients begin with.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <string_view>

#include "buzon/posix/unique_fd.h"

namespace bench {

void say(int fd, std::string_view text);

// Nothing is shared between its sessions; what a program keeps of them it keeps by descriptor.
class Port {
public:
    // On a free port of 127.0.0.1, which is told on stdout.
    void listen_and_say_where();
    // Everybody who waits: greeted, watched at its edges for both directions (one epoll_ctl a session, none an event).
    void accept_all(const std::function<void(int fd)>& came);

    [[nodiscard]] int epoll() const noexcept { return epoll_.get(); }
    [[nodiscard]] bool is(int fd) const noexcept { return fd == listener_.get(); }

private:
    void watch(int fd, std::uint32_t events);

    buzon::posix::UniqueFd epoll_{epoll_create1(EPOLL_CLOEXEC)};
    buzon::posix::UniqueFd listener_;
};

} // namespace bench
