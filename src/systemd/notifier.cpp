#include "buzon/systemd/notifier.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <utility>

namespace buzon::systemd {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::microseconds time_between_statuses = 10s;
constexpr auto retry_after = 100ms;  // when the manager's queue is full
constexpr auto retry_when_gone = 1s; // or when nobody reads from the socket
constexpr std::size_t max_waiting = 16;

std::string monotonic_microseconds() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::to_string(now.tv_sec * 1'000'000LL + now.tv_nsec / 1000);
}

} // namespace

Notifier::Notifier(event::EventLoop& loop, const Handed& handed, std::function<std::string()> status)
    : loop_{loop}
    , path_{handed.notify_socket}
    , status_{std::move(status)} // period_: a third of the watchdog's, so that a late message is still in time
    , period_{handed.watchdog.count() > 0 ? std::min(handed.watchdog / 3, time_between_statuses)
                                          : time_between_statuses}
    , watched_{handed.watchdog.count() > 0} {
    // The socket is made now, because later the server may not be allowed to.
    if (!path_.empty() && path_.size() < sizeof(sockaddr_un::sun_path))
        socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) {
        path_.clear();
        return;
    }
    sockaddr_un address{};
    const socklen_t length = write_address(address);
    (void)::connect(socket_.get(), static_cast<sockaddr*>(static_cast<void*>(&address)), length);
}

socklen_t Notifier::write_address(sockaddr_un& address) const noexcept {
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    if (path_.front() == '@') address.sun_path[0] = '\0';
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
}

// False: errno says why.
bool Notifier::send(const std::string& message) const noexcept {
    constexpr int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    if (::send(socket_.get(), message.data(), message.size(), flags) >= 0) return true;
    if (errno != ECONNREFUSED && errno != ENOTCONN) return false;
    // It was not there when we connected, or was restarted since.
    sockaddr_un address{};
    const socklen_t length = write_address(address);
    return ::sendto(socket_.get(), message.data(), message.size(), flags,
                    static_cast<const sockaddr*>(static_cast<const void*>(&address)), length) >= 0;
}

void Notifier::ready() {
    reloading_ = false;
    say("READY=1\nSTATUS=" + status_());
    if (!std::exchange(begun_, true)) begin_timers();
}

void Notifier::reloading() {
    if (std::exchange(reloading_, true)) return;
    say("RELOADING=1\nMONOTONIC_USEC=" + monotonic_microseconds() + "\nSTATUS=Reloading files");
}

void Notifier::stopping() {
    if (std::exchange(stopping_, true)) return;
    say("STOPPING=1\nSTATUS=Finishing sessions");
}

void Notifier::begin_timers() {
    if (!path_.empty()) pulse_.arm(loop_.timers(), loop_.now() + period_);
}

void Notifier::on_timer(event::Timer& which) {
    if (&which == &retry_) return send_waiting();
    pulse_.arm(loop_.timers(), loop_.now() + period_);
    if (!waiting_.empty()) return; // the manager does not read, so add nothing
    std::string message = watched_ ? "WATCHDOG=1\n" : "";
    if (!reloading_) message += "STATUS=" + status_();
    say(std::move(message));
}

void Notifier::say(std::string message) {
    if (path_.empty() || message.empty()) return;
    if (waiting_.size() == max_waiting) waiting_.pop_front(); // newer messages matter more
    waiting_.push_back(std::move(message));
    send_waiting();
}

void Notifier::send_waiting() {
    while (!waiting_.empty() && send(waiting_.front())) waiting_.pop_front();
    if (waiting_.empty()) return;
    const bool full = errno == EAGAIN || errno == EINTR || errno == ENOBUFS;
    retry_.arm(loop_.timers(), loop_.now() + (full ? retry_after : retry_when_gone));
}

} // namespace buzon::systemd
