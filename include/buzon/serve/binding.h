// serve/binding.h - opens listeners on several addresses with one port, one after the other.
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

// Destroying it cancels it, and closes the listeners that it has so far.
class Binding {
public:
    // All listeners; or why one could not be opened, and which.
    struct Result {
        Listeners listeners{};
        std::error_code why{};
        std::string failed{};
    };
    using Then = std::function<void(Result)>;

    // No addresses: listens on all, with one dual-stack socket if the machine has IPv6. Port 0: any port that is free
    // on every address. beside: as in net::Listener::open(). `then` is called once, by the loop or in wait().
    Binding(event::EventLoop& loop, keeper::Sockets& sockets, std::vector<net::Ip> addresses, std::uint16_t port,
            bool beside, Then then);
    Binding(const Binding&) = delete;
    Binding& operator=(const Binding&) = delete;

    // Blocks until `then` has been called, which must not destroy this object. For startup.
    void wait();

private:
    void ask();
    [[nodiscard]] std::optional<std::error_code> take(posix::Result<std::unique_ptr<net::Listener>> listener);
    [[nodiscard]] bool try_again(std::error_code why);
    void over(std::error_code why);
    [[nodiscard]] std::uint16_t port() const noexcept;
    [[nodiscard]] std::string asked() const; // the address asked for last

    event::EventLoop& loop_;
    keeper::Sockets& sockets_;
    std::vector<net::Ip> addresses_;
    std::uint16_t wanted_port_;
    bool beside_;
    Then then_;
    Listeners listeners_;
    bool without_ipv6_ = false; // this machine has no IPv6
    int tries_ = 0;             // to find a port that is free on all addresses
    std::unique_ptr<keeper::Request> request_;
};

} // namespace buzon::serve
