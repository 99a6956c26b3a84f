// bench/floor/feed.cpp - what any server must do for its listeners: send the same octets to all of them (floor.h). It
// reads no events, formats no lines and keeps no ring: the lines are in memory before the first listener connects.
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "buzon/posix/io.h"
#include "buzon/posix/unique_fd.h"
#include "floor/floor.h"
#include "floor/port.h"

namespace bench {
namespace {

using buzon::posix::UniqueFd;
using Clock = std::chrono::steady_clock;

// A listener that does not read is owed no more than this.
constexpr std::size_t memory_size = std::size_t{8} << 20;
constexpr std::string_view one_line =
    "2026-11-28T12:00:00.123Z login user=u17 address=127.0.0.57 session=4f2a9c11 mechanism=user\r\n";

UniqueFd lines_in_memory() {
    std::string lines;
    while (lines.size() < memory_size) lines += one_line;
    lines.resize(memory_size);
    UniqueFd file{memfd_create("feed", MFD_CLOEXEC)};
    if (!file) give_up("memfd_create");
    if (const std::error_code why = buzon::posix::write_all(file.get(), lines)) throw std::system_error{why, "memfd"};
    return file;
}

struct Listener { // indexed by descriptor
    std::size_t owed = 0;
    off_t at = 0;
    bool listens = false, full = false;
};

class Feeder {
public:
    Feeder(std::size_t octets, std::chrono::milliseconds every) : octets_{octets}, every_{every} {}

    [[noreturn]] void feed() {
        port_.listen_and_say_where();
        std::array<epoll_event, 256> ready{};
        for (auto next = Clock::now() + every_;;) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
            const int n = epoll_wait(port_.epoll(), ready.data(), static_cast<int>(ready.size()),
                                     static_cast<int>(std::max<long>(left, 0)));
            for (int i = 0; i < n; ++i) attend(ready[static_cast<std::size_t>(i)]);
            if (Clock::now() < next) continue;
            next += every_;
            for (std::size_t fd = 0; fd < listeners_.size(); ++fd) {
                Listener& listener = listeners_[fd];
                if (!listener.listens) continue;
                listener.owed = std::min(listener.owed + octets_, memory_size);
                if (!listener.full) send_owed(static_cast<int>(fd), listener);
            }
        }
    }

private:
    void attend(const epoll_event& event) {
        const int fd = event.data.fd;
        if (port_.is(fd)) return port_.accept_all([this](int came) { forget(came); });
        Listener& listener = listeners_[static_cast<std::size_t>(fd)];
        if ((event.events & EPOLLIN) != 0) answer(fd, listener);
        if ((event.events & EPOLLOUT) != 0 && std::exchange(listener.full, false)) send_owed(fd, listener);
    }

    void forget(int fd) {
        if (listeners_.size() <= static_cast<std::size_t>(fd)) listeners_.resize(static_cast<std::size_t>(fd) + 1);
        listeners_[static_cast<std::size_t>(fd)] = {};
    }

    // Whatever the listener asks for, it gets lines.
    void answer(int fd, Listener& listener) {
        std::array<char, 512> input;
        const ssize_t n = recv(fd, input.data(), input.size(), 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) return end(fd, listener);
        say(fd, "+OK\r\n");
        listener.listens = true;
    }

    void send_owed(int fd, Listener& listener) {
        while (listener.owed > 0) {
            const std::size_t piece = std::min(listener.owed, memory_size - static_cast<std::size_t>(listener.at));
            const ssize_t n = sendfile(fd, lines_.get(), &listener.at, piece);
            if (n < 0) {
                if (errno != EAGAIN) return end(fd, listener);
                listener.full = true; // an event follows when there is room again
                return;
            }
            listener.owed -= static_cast<std::size_t>(n);
            listener.at %= static_cast<off_t>(memory_size);
        }
    }

    static void end(int fd, Listener& listener) {
        listener = {};
        close(fd);
    }

    std::size_t octets_;
    std::chrono::milliseconds every_;
    UniqueFd lines_ = lines_in_memory();
    Port port_;
    std::vector<Listener> listeners_;
};

} // namespace

void feed_lines(std::size_t octets, std::chrono::milliseconds every) {
    Feeder{octets, every}.feed();
}

} // namespace bench
