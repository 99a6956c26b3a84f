#include "buzon/serve/binding.h"

#include <cerrno>
#include <utility>

#include "buzon/event/memory.h"

namespace buzon::serve {
namespace {

constexpr int max_tries = 50;

} // namespace

Binding::Binding(event::EventLoop& loop, keeper::Sockets& sockets, std::vector<net::Ip> addresses, std::uint16_t port,
                 bool beside, Then then)
    : loop_{loop}
    , sockets_{sockets}
    , addresses_{std::move(addresses)}
    , wanted_port_{port}
    , beside_{beside}
    , then_{std::move(then)} {
    ask();
}

void Binding::wait() {
    while (request_) request_->wait();
}

std::uint16_t Binding::port() const noexcept {
    return listeners_.empty() ? wanted_port_ : listeners_.front()->port();
}

void Binding::ask() {
    net::ListenAddress where = net::EveryAddress{port()};
    if (!addresses_.empty())
        where = net::Endpoint{addresses_[listeners_.size()], port(), 0};
    else if (without_ipv6_)
        where = net::Endpoint{net::Ip::from_v4(0), port(), 0};
    request_ = net::Listener::open(loop_, sockets_, where, beside_, [this](auto listener) {
        std::optional<std::error_code> end = std::make_error_code(std::errc::not_enough_memory);
        event::guarded([&] { end = take(std::move(listener)); }, [] {});
        if (end) over(*end);
    });
}

// Returns nullopt if the next listener has been asked for.
std::optional<std::error_code> Binding::take(posix::Result<std::unique_ptr<net::Listener>> listener) {
    if (listener) {
        listeners_.push_back(std::move(listener).value());
        if (listeners_.size() >= addresses_.size()) return std::error_code{};
    } else if (!try_again(listener.error())) {
        return listener.error();
    }
    ask();
    return std::nullopt;
}

bool Binding::try_again(std::error_code why) {
    // A machine without IPv6 still has all IPv4 addresses.
    const bool no_ipv6 = why.value() == EAFNOSUPPORT || why.value() == EADDRNOTAVAIL;
    if (addresses_.empty() && no_ipv6) return !std::exchange(without_ipv6_, true);
    // The port that is free on the first address may be in use on the second; then another one is tried.
    if (wanted_port_ != 0 || why.value() != EADDRINUSE || ++tries_ > max_tries) return false;
    listeners_.clear();
    return true;
}

std::string Binding::asked() const {
    if (addresses_.empty()) return "port " + std::to_string(port());
    return net::Endpoint{addresses_[listeners_.size()], port(), 0}.text();
}

void Binding::over(std::error_code why) {
    Result result;
    result.why = why;
    if (why)
        event::guarded([&] { result.failed = asked(); }, [] {});
    else
        result.listeners = std::move(listeners_);
    request_.reset();
    const Then then = std::exchange(then_, nullptr);
    then(std::move(result)); // it may destroy us
}

} // namespace buzon::serve
