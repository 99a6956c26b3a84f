// bench/floor/port.h - a listening port and its epoll set, for both bare loops that have clients.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <string_view>

#include "buzon/posix/unique_fd.h"

namespace bench {

void say(int fd, std::string_view text);

// Keeps no state of sessions; whoever uses it keeps theirs by descriptor.
class Port {
public:
    // Listens on a free port of 127.0.0.1, and prints it on stdout.
    void listen_and_say_where();
    // Accepts and greets all who wait; watches both directions edge-triggered (one epoll_ctl a session, none an event).
    void accept_all(const std::function<void(int fd)>& came);

    [[nodiscard]] int epoll() const noexcept { return epoll_.get(); }
    [[nodiscard]] bool is(int fd) const noexcept { return fd == listener_.get(); }

private:
    void watch(int fd, std::uint32_t events);

    buzon::posix::UniqueFd epoll_{epoll_create1(EPOLL_CLOEXEC)};
    buzon::posix::UniqueFd listener_;
};

} // namespace bench
