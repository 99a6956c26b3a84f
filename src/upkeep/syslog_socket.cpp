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
    // Now: a server that serves may name no file that it has not named before. A line tells if this fails.
    if (auto first = sockets_.connect(path_)) socket_ = std::move(first).value();
}

SyslogSocket::~SyslogSocket() {
    tell_ = [](const std::string&) {}; // there is no log any more
    if (socket_) (void)send_waiting();
}

void SyslogSocket::write(std::string_view line) {
    if (waiting_.size() + line.size() > max_queued_octets) {
        drop();
        return;
    }
    waiting_ += line;
    if (!retry_.armed() && !watch_.active()) loop_.next_turn(*this);
}

void SyslogSocket::on_ready(std::uint32_t) {
    watch_.stop();
    flush();
}

void SyslogSocket::flush() {
    if (waiting_.empty()) return;
    if (!socket_ && !connect()) return;
    if (send_waiting() && dropped_ > 0) tell_of_dropped();
}

bool SyslogSocket::connect() {
    auto socket = sockets_.connect(path_);
    if (!socket) return lose(socket.error());
    socket_ = std::move(socket).value();
    if (std::exchange(away_, false)) tell_("log socket " + path_ + ": available again");
    return true;
}

bool SyslogSocket::send_waiting() {
    bool reconnected = false;
    std::size_t done = 0;
    bool all = true;
    while (all && done < waiting_.size()) {
        const std::size_t end = waiting_.find('\n', done);
        const posix::Transfer sent =
            posix::send_some(socket_.get(), std::string_view{waiting_}.substr(done, end - done));
        if (sent.what == posix::Moved::would_block) {
            // A full receive queue makes the socket unwritable.
            if (watch_.start(loop_, socket_.get(), EPOLLOUT, *this))
                retry_.arm(loop_.timers(), loop_.now() + time_between_tries);
            all = false;
        } else if (sent.what == posix::Moved::some || sent.why.value() == EMSGSIZE) {
            if (sent.what != posix::Moved::some) drop(); // a line too long for a datagram
            done = end + 1;
        } else {
            socket_.reset();
            // A restarted daemon is back at the same path, but reconnecting once per turn is enough.
            if (std::exchange(reconnected, true))
                all = lose(sent.why);
            else
                all = connect();
        }
    }
    waiting_.erase(0, done);
    return all;
}

void SyslogSocket::drop() {
    ++dropped_;
    ++metrics_.log_lines_lost;
}

bool SyslogSocket::lose(std::error_code why) {
    retry_.arm(loop_.timers(), loop_.now() + time_between_tries);
    if (!std::exchange(away_, true))
        tell_("log socket " + path_ + ": " + why.message() + "; lines are queued until it is back");
    return false;
}

void SyslogSocket::tell_of_dropped() {
    tell_(std::to_string(std::exchange(dropped_, 0)) + " log lines were lost because log socket " + path_ +
          " did not accept them");
}

} // namespace buzon::upkeep
