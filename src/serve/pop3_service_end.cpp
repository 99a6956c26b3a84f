// serve/pop3_service_end.cpp - how the POP3 service ends: at once, drained, or when its sessions have finished.
#include <algorithm>
#include <chrono>
#include <utility>

#include "buzon/serve/pop3_service.h"

namespace buzon::serve {
namespace {

using namespace std::chrono_literals;

// The last packet of a handshake that has begun arrives within this time, even from another machine on the network.
constexpr auto time_for_handshakes = 5ms;
// If newcomers can wait in the service manager's sockets, sessions may go on, and pause, for this long.
constexpr auto time_for_conversations = 3s;
constexpr auto longest_pause = 1s;
constexpr auto between_looks = 100ms;

} // namespace

void Pop3Service::close_listeners() {
    accepting_ = false;
    listeners_.clear();
    tls_listeners_.clear();
}

// Whether the service manager holds all our listening sockets: newcomers then wait for the next server instead of being
// refused.
bool Pop3Service::newcomers_can_wait() const noexcept {
    const auto handed = [](const auto& listener) { return listener->handed_over(); };
    return !listeners_.empty() && std::all_of(listeners_.begin(), listeners_.end(), handed) &&
           std::all_of(tls_listeners_.begin(), tls_listeners_.end(), handed);
}

void Pop3Service::finish_all(std::function<void()> then) {
    const bool in_no_hurry = newcomers_can_wait();
    close_listeners();
    tell_when_empty(std::move(then));
    if (!in_no_hurry) return finish_sessions(event::Instant::max());
    last_moment_ = event::Clock::now() + time_for_conversations;
    farewell_.arm(needs_.loop.timers(), event::Clock::now());
}

// Finishes the sessions that have been silent since then. Connections that are not sessions yet go with the last ones.
void Pop3Service::finish_sessions(event::Instant silent_since) {
    if (silent_since == event::Instant::max()) {
        gate_.close_all();
        if (tls_) tls_->end_handshakes();
    }
    for (auto& [id, connection] : connections_)
        if (connection.last_activity() <= silent_since) connection.finish_up();
}

// Serves every client that has connected already, so that none is reset.
void Pop3Service::drain(std::function<void()> then) {
    accepting_ = false;
    accept_last();
    farewell_.arm(needs_.loop.timers(), event::Clock::now() + time_for_handshakes);
    tell_when_empty(std::move(then));
}

void Pop3Service::accept_last() {
    for (const Listeners* all : {&listeners_, &tls_listeners_}) {
        for (const auto& listener : *all) {
            listener->refuse_newcomers();
            listener->accept_rest();
        }
    }
}

// After drain(), closes the listeners; after finish_all(), the sessions.
void Pop3Service::on_timer(event::Timer&) {
    if (!listeners_.empty()) {
        accept_last();
        close_listeners();
        return needs_.loop.next_turn(*this);
    }
    const event::Instant now = event::Clock::now();
    if (now >= last_moment_) return finish_sessions(event::Instant::max());
    farewell_.arm(needs_.loop.timers(), std::min(last_moment_, now + between_looks));
    finish_sessions(now - longest_pause);
}

void Pop3Service::tell_when_empty(std::function<void()> then) {
    when_empty_ = std::move(then);
    gate_.when_empty(*this);
    needs_.loop.next_turn(*this); // reports in the next turn if nobody is connected
}

void Pop3Service::report_when_empty() {
    if (!accepting_ && !listeners_.empty()) return; // not closed yet
    const bool empty = connections_.empty() && gate_.waiting() == 0 && (!tls_ || tls_->size() == 0);
    if (empty && when_empty_) std::exchange(when_empty_, nullptr)();
}

} // namespace buzon::serve
