#include "buzon/systemd/notifier.h"

#include <sys/socket.h>
#include <sys/un.h>

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
constexpr auto retry_after = 100ms;
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
    if (!path_.empty()) (void)connect(); // now, since later the server may not be allowed to
}

bool Notifier::connect() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    if (path_.front() == '@') address.sun_path[0] = '\0';
    socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
    if (socket_ && ::connect(socket_.get(), static_cast<sockaddr*>(static_cast<void*>(&address)), length) == 0)
        return true;
    socket_.reset();
    return false;
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
    while (!waiting_.empty()) {
        const std::string& message = waiting_.front();
        if (!socket_ && !connect()) break;
        if (::send(socket_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
            waiting_.pop_front();
            continue;
        }
        if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS) socket_.reset(); // perhaps it was restarted
        break;
    }
    if (!waiting_.empty()) retry_.arm(loop_.timers(), loop_.now() + retry_after);
}

} // namespace buzon::systemd
