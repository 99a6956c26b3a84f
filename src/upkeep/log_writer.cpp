#include "buzon/upkeep/log_writer.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>
#include <utility>

namespace buzon::upkeep {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_waiting = 256 * 1024;
constexpr auto retry_after = 50ms;

// A descriptor that poll() reports as writable takes PIPE_BUF octets without blocking (pipe(7)). Other processes may
// share it, so its mode is left unchanged.
bool takes_now(int fd) {
    pollfd one{fd, POLLOUT, 0};
    return ::poll(&one, 1, 0) == 1 && (one.revents & POLLOUT);
}

} // namespace

LogWriter::LogWriter(event::EventLoop& loop, state::Metrics& metrics, int fd,
                     std::function<void(const std::string&)> tell)
    : loop_{loop}, metrics_{metrics}, fd_{fd}, tell_{std::move(tell)} {}

LogWriter::~LogWriter() {
    dropped_ = 0; // there is nobody left to tell
    flush();
}

void LogWriter::use(posix::UniqueFd file) {
    flush();
    file_ = std::move(file);
    fd_ = file_.get();
    begun_ = torn_ = false;
}

void LogWriter::write(std::string_view line) {
    if (waiting_.size() + line.size() > max_waiting) {
        ++dropped_;
        ++metrics_.log_lines_lost;
        return;
    }
    waiting_ += line;
    if (!retry_.armed()) loop_.next_turn(*this);
}

void LogWriter::flush() {
    std::size_t done = 0;
    while (done < waiting_.size()) {
        if (!takes_now(fd_)) break;
        // Write whole lines, as many as fit, so that output of other processes that share the pipe never splits a line.
        std::string_view piece = torn_ ? "\n" : std::string_view{waiting_}.substr(done, PIPE_BUF);
        if (const std::size_t end = piece.rfind('\n'); end != std::string_view::npos) piece = piece.substr(0, end + 1);
        const ssize_t n = ::write(fd_, piece.data(), piece.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) {
            const int why = errno;
            waiting_.erase(0, done);
            return lose_waiting(why);
        }
        if (std::exchange(torn_, false)) continue;
        done += static_cast<std::size_t>(n);
        begun_ = done > 0 && waiting_[done - 1] != '\n';
    }
    waiting_.erase(0, done);
    if (!waiting_.empty()) {
        retry_.arm(loop_.timers(), loop_.now() + retry_after);
    } else if (dropped_ > 0 && done > 0) {
        const int why = std::exchange(failure_, 0);
        tell_(std::to_string(std::exchange(dropped_, 0)) + " log lines were lost" +
              (why == 0 ? " because their reader was too slow" : ": " + std::system_category().message(why)));
    }
}

// Closed, or the disk is full, or the reader has gone. Tells nobody yet: that line would be lost, too.
void LogWriter::lose_waiting(int why) {
    const auto lines = std::count(waiting_.begin(), waiting_.end(), '\n');
    dropped_ += static_cast<std::size_t>(lines);
    metrics_.log_lines_lost += static_cast<state::Count>(lines);
    failure_ = why;
    torn_ = torn_ || begun_;
    begun_ = false;
    waiting_.clear();
}

} // namespace buzon::upkeep
