// serve/binding.h - listeners on some addresses with one port, asked for one after the other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "buzon/net/listener.h"

namespace buzon::serve {

using Listeners = std::vector<std::unique_ptr<net::Listener>>;

// Destroying it cancels it, and closes what it has.
class Binding {
public:
    // All of them; or why one could not be opened, and which.
    struct Result {
        Listeners listeners{};
        std::error_code why{};
        std::string failed{};
    };
    using Then = std::function<void(Result)>;

    // No address: all of them, with one dual-stack socket where there is IPv6. Port 0: any that is free on each
    // address. beside: as net::Listener has it. `then` is called once, by the loop or in wait().
    Binding(event::EventLoop& loop, keeper::Sockets& sockets, std::vector<net::Ip> addresses, std::uint16_t port,
            bool beside, Then then);
    Binding(const Binding&) = delete;
    Binding& operator=(const Binding&) = delete;

    // Blocks until it has called `then`, which may not destroy it: for the start.
    void wait();

private:
    void ask();
    [[nodiscard]] std::optional<std::error_code> take(posix::Result<std::unique_ptr<net::Listener>> listener);
    [[nodiscard]] bool try_again(std::error_code why);
    void over(std::error_code why);
    [[nodiscard]] std::uint16_t port() const noexcept;
    [[nodiscard]] std::string asked() const; // what was asked for last

    event::EventLoop& loop_;
    keeper::Sockets& sockets_;
    std::vector<net::Ip> addresses_;
    std::uint16_t wanted_port_;
    bool beside_;
    Then then_;
    Listeners listeners_;
    bool without_ipv6_ = false; // this machine is
    int tries_ = 0;             // for a port that is free everywhere
    std::unique_ptr<keeper::Request> request_;
};

} // namespace buzon::serve
