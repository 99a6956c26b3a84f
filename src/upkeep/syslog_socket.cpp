#include "buzon/upkeep/syslog_socket.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "buzon/posix/io.h"

namespace buzon::upkeep {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_queued_octets = 256 * 1024;
constexpr auto time_between_tries = 1s;

} // namespace

SyslogSocket::SyslogSocket(event::EventLoop& loop, keeper::Sockets& sockets, state::Metrics& metrics, std::string path,
                           Tell tell)
    : loop_{loop}, sockets_{sockets}, metrics_{metrics}, path_{std::move(path)}, tell_{std::move(tell)} {
    // Connect now: a server that is serving may only name files that it has named before. If this fails, the first line
    // reports it.
    const auto request = sockets_.connect(path_, [this](auto socket) {
        if (socket) socket_ = std::move(socket).value();
    });
    request->wait();
}

// The loop has ended, so waiting is allowed now.
SyslogSocket::~SyslogSocket() {
    tell_ = [](const std::string&) {}; // there is no log left to tell
    flush();
    while (connecting_) connecting_->wait();
}

void SyslogSocket::write(std::string_view line) {
    if (waiting_.size() + line.size() > max_queued_octets) {
        drop();
        return;
    }
    waiting_ += line;
    if (!retry_.armed() && !watch_.active() && !connecting_) loop_.next_turn(*this);
}

void SyslogSocket::on_ready(std::uint32_t) {
    watch_.stop();
    flush();
}

void SyslogSocket::flush() {
    if (waiting_.empty() || connecting_) return;
    if (!socket_) return connect();
    if (send_waiting() && dropped_ > 0) tell_of_dropped();
}

void SyslogSocket::connect() {
    connecting_ = sockets_.connect(path_, [this](auto socket) { connected(std::move(socket)); });
}

void SyslogSocket::connected(posix::Result<posix::UniqueFd> socket) {
    connecting_.reset();
    if (!socket) return lose(socket.error());
    socket_ = std::move(socket).value();
    fresh_ = true;
    if (std::exchange(away_, false)) tell_("log socket " + path_ + ": available again");
    flush();
}

bool SyslogSocket::send_waiting() {
    std::size_t done = 0;
    while (socket_ && done < waiting_.size()) {
        const std::size_t end = waiting_.find('\n', done);
        const posix::Transfer sent =
            posix::send_some(socket_.get(), std::string_view{waiting_}.substr(done, end - done));
        if (sent.what == posix::Moved::would_block) {
            // A full receive queue makes the socket unwritable.
            if (watch_.start(loop_, socket_.get(), EPOLLOUT, *this))
                retry_.arm(loop_.timers(), loop_.now() + time_between_tries);
            break;
        }
        if (sent.what == posix::Moved::some || sent.why.value() == EMSGSIZE) {
            if (sent.what != posix::Moved::some) drop(); // a line too long for a datagram
            fresh_ = false;
            done = end + 1;
            continue;
        }
        // A restarted daemon is back at the same path, so connect again. If a new connection cannot even send its first
        // line, the daemon is not back.
        socket_.reset();
        if (fresh_)
            lose(sent.why);
        else
            connect();
    }
    waiting_.erase(0, done);
    return waiting_.empty();
}

void SyslogSocket::drop() {
    ++dropped_;
    ++metrics_.log_lines_lost;
}

void SyslogSocket::lose(std::error_code why) {
    retry_.arm(loop_.timers(), loop_.now() + time_between_tries);
    if (!std::exchange(away_, true))
        tell_("log socket " + path_ + ": " + why.message() + "; lines are queued until it is back");
}

void SyslogSocket::tell_of_dropped() {
    tell_(std::to_string(std::exchange(dropped_, 0)) + " log lines were lost because log socket " + path_ +
          " did not accept them");
}

} // namespace buzon::upkeep
