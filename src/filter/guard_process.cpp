// The guard process (guard.h). It may block; it must not fail.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <string_view>
#include <vector>

#include "guard_table.h"

namespace buzon::filter {
namespace {

constexpr std::int64_t millisecond = 1'000'000;
constexpr int lifeline_number = 3;

// Leaders start shortly after their recorded time, and /proc has times in hundredths of a second.
constexpr std::int64_t slack = 1000 * millisecond;

// A program that has ended, and what it may have left.
struct Group {
    pid_t leader = -1;
    std::int64_t started = 0; // nanoseconds since boot
    std::array<std::uint64_t, 2> pipes{};
    bool live = false;
};

Group group_of(const GuardSlot& slot) {
    return {slot.leader, slot.started, {slot.pipes[0], slot.pipes[1]}, slot.state == GuardSlot::live};
}

struct ProcessState {
    char state = '?';
    pid_t group = -1;
    std::int64_t started = 0;     // nanoseconds since boot
    std::uintptr_t arguments = 0; // address of the command line in that process
    std::uintptr_t arguments_end = 0;
};

// /proc/PID/stat (proc(5)); nothing if there is no such process.
std::optional<ProcessState> look_at(pid_t pid) {
    std::array<char, 32> path{};
    std::snprintf(path.data(), path.size(), "/proc/%d/stat", pid);
    const int fd = ::open(path.data(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return std::nullopt;
    std::array<char, 1024> text{};
    const ssize_t n = ::read(fd, text.data(), text.size());
    ::close(fd);
    if (n <= 0) return std::nullopt;
    std::string_view rest{text.data(), static_cast<std::size_t>(n)};
    const std::size_t name_end = rest.rfind(')'); // the name may contain anything
    if (name_end == std::string_view::npos || name_end + 2 >= rest.size()) return std::nullopt;
    rest.remove_prefix(name_end + 2);

    ProcessState process;
    process.state = rest.front();
    const std::int64_t tick = 1'000'000'000 / ::sysconf(_SC_CLK_TCK);
    for (int field = 3; !rest.empty() && field <= 49; ++field) {
        const std::string_view word = rest.substr(0, rest.find(' '));
        std::uint64_t number = 0;
        std::from_chars(word.data(), word.data() + word.size(), number);
        if (field == 5) process.group = static_cast<pid_t>(number);
        if (field == 22) process.started = static_cast<std::int64_t>(number) * tick;
        if (field == 48) process.arguments = number;
        if (field == 49) process.arguments_end = number;
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    }
    return process;
}

// A pid of ours may have been reused. While a group has any process, its id is not given to a new process. So if no
// process has the id, every process in that group is ours; and if one has it, it is our leader exactly if it is as old
// as our leader.
bool ours(const Group& group) {
    const std::optional<ProcessState> leader = look_at(group.leader);
    return !leader || leader->started <= group.started + slack;
}

bool names_pipe(const struct stat& link, std::string_view target, const std::vector<Group>& groups) {
    constexpr std::string_view prefix = "pipe:[";
    if ((link.st_mode & S_IWUSR) == 0 || target.substr(0, prefix.size()) != prefix)
        return false; // not a pipe, or open only for reading
    target.remove_prefix(prefix.size());
    std::uint64_t inode = 0;
    std::from_chars(target.data(), target.data() + target.size(), inode);
    return inode != 0 && std::any_of(groups.begin(), groups.end(),
                                     [&](const Group& g) { return g.pipes[0] == inode || g.pipes[1] == inode; });
}

// Only programs and their children have ever had those pipes open for writing.
bool writes_to_us(pid_t pid, const std::vector<Group>& groups) {
    std::array<char, 32> path{};
    std::snprintf(path.data(), path.size(), "/proc/%d/fd", pid);
    DIR* const descriptors = ::opendir(path.data());
    if (!descriptors) return false;
    bool found = false;
    while (const dirent* entry = found ? nullptr : ::readdir(descriptors)) {
        struct stat link {};
        std::array<char, 64> target{};
        const int directory = ::dirfd(descriptors);
        if (::fstatat(directory, entry->d_name, &link, AT_SYMLINK_NOFOLLOW) != 0) continue;
        const ssize_t n = ::readlinkat(directory, entry->d_name, target.data(), target.size());
        found = n > 0 && names_pipe(link, {target.data(), static_cast<std::size_t>(n)}, groups);
    }
    ::closedir(descriptors);
    return found;
}

bool left_over(pid_t pid, const std::vector<Group>& groups) {
    const std::optional<ProcessState> process = look_at(pid);
    if (!process || process->state == 'Z' || process->state == 'X') return false;
    bool young = false;
    for (const Group& group : groups) {
        if (process->group == group.leader && ours(group)) return true;
        young = young || process->started + slack >= group.started;
    }
    return young && writes_to_us(pid, groups);
}

// Kills what still belongs to these programs, whatever its group. Returns how many there were.
std::size_t sweep(const std::vector<Group>& groups, pid_t server) {
    DIR* const processes = ::opendir("/proc");
    if (!processes) return 0;
    std::size_t found = 0;
    while (const dirent* entry = ::readdir(processes)) {
        const pid_t pid = static_cast<pid_t>(std::atoi(entry->d_name));
        if (pid <= 0 || pid == server || !left_over(pid, groups)) continue;
        const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
        if (pidfd < 0) continue;
        // Check again, now that the descriptor refers to this process even if the pid is reused.
        if (left_over(pid, groups)) {
            ++found;
            ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
        }
        ::close(pidfd);
    }
    ::closedir(processes);
    return found;
}

std::vector<Group> take_ended(GuardTable& table) {
    std::vector<Group> groups;
    for (GuardSlot& slot : table.slots) {
        if (slot.state != GuardSlot::ended) continue;
        const Group group = group_of(slot);
        std::int32_t state = GuardSlot::ended;
        if (slot.state.compare_exchange_strong(state, GuardSlot::free)) groups.push_back(group);
    }
    return groups;
}

// The server is gone. First kill the groups, which contain almost everything; then the rest, until nothing is found.
void kill_all(GuardTable& table, std::vector<Group> groups) {
    for (const Group& group : take_ended(table)) groups.push_back(group);
    for (const GuardSlot& slot : table.slots) {
        if (slot.state == GuardSlot::live) groups.push_back(group_of(slot));
    }
    if (groups.empty()) return;
    for (int round = 0; round < 250; ++round) {
        for (const Group& group : groups) {
            if (group.live && ours(group)) ::kill(-group.leader, SIGKILL);
        }
        if (sweep(groups, table.server) == 0) return;
        ::poll(nullptr, 0, 20);
    }
}

// True: the server is gone. Waits for an octet from the server, its end, or the timeout (milliseconds; -1: for ever).
bool server_gone(int milliseconds, bool want_octets) {
    pollfd lifeline{lifeline_number, static_cast<short>(want_octets ? POLLIN : 0), 0};
    if (::poll(&lifeline, 1, milliseconds) <= 0) return false;
    if (lifeline.revents & (POLLHUP | POLLERR | POLLNVAL)) return true;
    std::array<char, 64> octets{};
    return ::recv(lifeline_number, octets.data(), octets.size(), MSG_DONTWAIT) == 0;
}

std::int64_t now() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 * millisecond + time.tv_nsec;
}

// Runs until the server is gone. Returns the ended programs not yet cleared.
std::vector<Group> watch(GuardTable& table) {
    std::int64_t pause = 1000 * millisecond;
    for (;;) {
        table.asleep = 1;
        std::vector<Group> ended = take_ended(table); // what ended before the server saw the flag
        if (ended.empty() && server_gone(-1, true)) return ended;
        table.asleep = 0;
        // More runs will end soon: one scan of all processes serves them all.
        if (server_gone(static_cast<int>(pause / millisecond), false)) return ended;
        for (const Group& group : take_ended(table)) ended.push_back(group);
        const std::int64_t begin = now();
        if (!ended.empty()) sweep(ended, table.server);
        // Use at most 2 % of a CPU, however many processes there are.
        pause = std::clamp(50 * (now() - begin), 1000 * millisecond, 60'000 * millisecond);
    }
}

// ps(1) must not show a second server or a second copy of the server's command line.
void take_a_name() {
    ::prctl(PR_SET_NAME, "buzon-guard", 0, 0, 0);
    const std::optional<ProcessState> self = look_at(::getpid());
    if (!self || self->arguments == 0 || self->arguments_end <= self->arguments) return;
    constexpr std::string_view name = "buzon-guard";
    auto* const line = reinterpret_cast<char*>(self->arguments);
    const std::size_t length = self->arguments_end - self->arguments;
    std::memset(line, 0, length);
    std::memcpy(line, name.data(), std::min(name.size(), length - 1));
}

// Keeps nothing of the server: no listening socket, no terminal, no directory, no pipe that somebody reads to its end.
void let_go(int lifeline) {
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr); // Ctrl-C and SIGTERM are for the server, whose end we see
    ::setsid();
    (void)!::chdir("/");
    if (lifeline != lifeline_number) ::dup2(lifeline, lifeline_number);
    ::syscall(SYS_close_range, lifeline_number + 1, ~0U, 0);
    ::close(0);
    ::open("/dev/null", O_RDWR);
    ::dup2(0, 1);
    ::dup2(0, 2);
}

} // namespace

void run_guard(int lifeline, GuardTable& table) noexcept {
    let_go(lifeline);
    take_a_name();
    const auto number = static_cast<std::int32_t>(::getpid());
    if (::send(lifeline_number, &number, sizeof number, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof number)) {
        kill_all(table, watch(table));
    }
    ::_exit(0);
}

} // namespace buzon::filter
