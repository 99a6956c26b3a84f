#include "floor/port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <iostream>
#include <system_error>

#include "floor/floor.h"

namespace bench {

void give_up(const char* what) {
    throw std::system_error{errno, std::system_category(), what};
}

void say(int fd, std::string_view text) {
    (void)send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

void Port::listen_and_say_where() {
    listener_.reset(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof address;
    if (bind(listener_.get(), generic, length) != 0 || listen(listener_.get(), 4096) != 0 ||
        getsockname(listener_.get(), generic, &length) != 0) {
        give_up("listen");
    }
    watch(listener_.get(), EPOLLIN);
    std::cout << "Server started on port " << ntohs(address.sin_port) << std::endl;
}

void Port::accept_all(const std::function<void(int fd)>& came) {
    for (;;) {
        const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        came(fd);
        watch(fd, EPOLLIN | EPOLLOUT | EPOLLET);
        say(fd, "+OK floor ready\r\n");
    }
}

void Port::watch(int fd, std::uint32_t events) {
    epoll_event event{.events = events, .data = {.fd = fd}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) give_up("epoll_ctl");
}

} // namespace bench
