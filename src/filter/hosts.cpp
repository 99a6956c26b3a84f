#include "buzon/filter/hosts.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "buzon/event/memory.h"
#include "host.h"

namespace buzon::filter {
namespace {

using namespace std::chrono_literals;

constexpr auto idle_limit = 5s;

} // namespace

Lease::Lease(Host& host) noexcept : host_{&host} {
    host.lease_ = this;
}

Lease::Lease(Lease&& other) noexcept : host_{std::exchange(other.host_, nullptr)} {
    if (host_) host_->lease_ = this;
}

Lease& Lease::operator=(Lease&& other) noexcept {
    if (this == &other) return *this;
    release();
    host_ = std::exchange(other.host_, nullptr);
    if (host_) host_->lease_ = this;
    return *this;
}

std::error_code Lease::start(const Program& program, ProgramEvents& events) {
    return host_ ? host_->start(program, events) : std::error_code{EPIPE, std::system_category()};
}

void Lease::signal(int number) noexcept {
    if (host_) host_->signal(number);
}

void Lease::look() noexcept {
    if (host_) host_->look();
}

void Lease::release() noexcept {
    if (Host* const host = std::exchange(host_, nullptr)) host->lease_gone();
}

Hosts::Hosts(event::EventLoop& loop, keeper::Starter& starter, keeper::Role role)
    : loop_{loop}, starter_{starter}, role_{role} {}

Hosts::~Hosts() = default;

posix::Result<Lease> Hosts::take(const ProgramOwner& owner) {
    // Prefer the one that became free last: its memory is the warmest, and the others can reach the idle limit.
    for (auto place = hosts_.rbegin(); place != hosts_.rend(); ++place) {
        Host& host = **place;
        if (host.free() && host.owner() == owner) return Lease{host};
    }
    hosts_.push_back(std::make_unique<Host>(loop_, *this, owner));
    Host& host = *hosts_.back();
    if (const std::error_code why = host.begin(starter_, role_)) {
        hosts_.pop_back();
        if (why.value() == EMFILE || why.value() == ENFILE) end_free_ones();
        return why;
    }
    ++started_;
    return Lease{host};
}

void Hosts::became_free(Host& host) noexcept {
    const auto place = std::find_if(hosts_.begin(), hosts_.end(), [&](const auto& one) { return one.get() == &host; });
    hosts_.splice(hosts_.end(), hosts_, place);
    std::size_t free = 0;
    Host* oldest = nullptr;
    for (const auto& one : hosts_) {
        if (!one->free()) continue;
        if (!oldest) oldest = one.get();
        ++free;
    }
    if (free > max_free) oldest->close();
    if (timer_.armed()) return;
    // Without memory for the timer, the host stays until the next one becomes free.
    event::guarded([&] { timer_.arm(loop_.timers(), loop_.now() + idle_limit); }, [] {});
}

void Hosts::gone(Host&) noexcept {
    loop_.next_turn(*this);
}

void Hosts::on_timer(event::Timer&) {
    std::optional<event::Instant> next;
    for (const auto& host : hosts_) {
        if (!host->free()) continue;
        if (host->free_since() + idle_limit <= loop_.now())
            host->close();
        else if (!next || host->free_since() < *next)
            next = host->free_since();
    }
    if (next) timer_.arm(loop_.timers(), *next + idle_limit);
}

void Hosts::end_free_ones() noexcept {
    for (const auto& host : hosts_)
        if (host->free()) host->close();
}

void Hosts::renew() noexcept {
    for (const auto& host : hosts_) host->retire();
}

void Hosts::run() {
    hosts_.remove_if([](const auto& host) { return host->gone(); });
}

Hosts::Statistics Hosts::statistics() const noexcept {
    Statistics statistics{0, 0, 0, started_};
    for (const auto& host : hosts_) {
        if (!host->gone()) ++statistics.all;
        if (host->free()) ++statistics.free;
        if (host->starting()) ++statistics.starting;
    }
    return statistics;
}

} // namespace buzon::filter
