#include "buzon/posix/children.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "buzon/posix/unique_fd.h"

namespace buzon::posix {
namespace {

// Kills the processes whose numbers it is fed as text. They are our children and not reaped yet, so their numbers
// cannot have been reused.
class Killer {
public:
    explicit Killer(const std::function<bool(pid_t)>& spared) : spared_{spared} {}

    void feed(std::string_view octets) noexcept {
        for (const char c : octets) {
            if (c >= '0' && c <= '9') {
                number_ = number_ * 10 + (c - '0');
            } else {
                finish();
            }
        }
    }
    void finish() noexcept {
        if (number_ > 1) kill(number_);
        number_ = 0;
    }
    void kill(pid_t child) noexcept {
        if (!spared_ || !spared_(child)) ::kill(child, SIGKILL);
    }

private:
    const std::function<bool(pid_t)>& spared_;
    pid_t number_ = 0;
};

// The kernel's own list, where it has one.
bool kill_listed(Killer& killer) noexcept {
    std::array<char, 64> path{};
    std::snprintf(path.data(), path.size(), "/proc/self/task/%d/children", ::getpid());
    const UniqueFd list{::open(path.data(), O_RDONLY | O_CLOEXEC)};
    if (!list) return false;
    std::array<char, 4096> piece;
    for (ssize_t n = 0; (n = ::read(list.get(), piece.data(), piece.size())) > 0;)
        killer.feed({piece.data(), static_cast<std::size_t>(n)});
    killer.finish();
    return true;
}

// The fourth field of /proc/PID/stat; the second is a name in parentheses that may contain anything.
pid_t parent_of(const char* process) noexcept {
    std::array<char, 64> path{};
    std::snprintf(path.data(), path.size(), "/proc/%.20s/stat", process);
    const UniqueFd file{::open(path.data(), O_RDONLY | O_CLOEXEC)};
    std::array<char, 512> text{};
    const ssize_t n = file ? ::read(file.get(), text.data(), text.size() - 1) : 0;
    if (n <= 0) return -1;
    const char* const bracket = std::strrchr(text.data(), ')');
    pid_t parent = -1;
    char state = 0;
    if (!bracket || std::sscanf(bracket + 1, " %c %d", &state, &parent) != 2) return -1;
    return parent;
}

void kill_found(Killer& killer) noexcept {
    DIR* const processes = ::opendir("/proc");
    if (!processes) return;
    while (const dirent* entry = ::readdir(processes)) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || parent_of(entry->d_name) != ::getpid()) continue;
        killer.kill(static_cast<pid_t>(std::atoi(entry->d_name)));
    }
    ::closedir(processes);
}

} // namespace

bool children_left() noexcept {
    for (;;) {
        siginfo_t info{};
        if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | __WALL) != 0) {
            if (errno == EINTR) continue;
            return false; // ECHILD
        }
        if (info.si_pid == 0) return true;
    }
}

void kill_children(const std::function<bool(pid_t)>& spared) noexcept {
    Killer killer{spared};
    if (!kill_listed(killer)) kill_found(killer);
}

void end_all_children() noexcept {
    for (int pause = 1; children_left(); pause = std::min(2 * pause, 20)) {
        kill_children();
        ::poll(nullptr, 0, pause);
    }
}

} // namespace buzon::posix
