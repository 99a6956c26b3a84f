#include "buzon/systemd/handed.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "buzon/line/number.h"

namespace buzon::systemd {
namespace {

constexpr int first_socket = 3;                           // SD_LISTEN_FDS_START
constexpr std::uint64_t max_watchdog = 1'000'000'000'000; // microseconds: 11 days

std::string take_variable(const char* name) {
    const char* const value = std::getenv(name);
    std::string text = value ? value : "";
    ::unsetenv(name);
    return text;
}

// A variable that names a process other than this one was meant for a parent of ours.
bool is_ours(const std::string& pid) {
    return line::parse_whole<std::uint64_t>(pid) == static_cast<std::uint64_t>(::getpid());
}

} // namespace

std::vector<posix::UniqueFd> Handed::take(std::string_view name) {
    const auto found = sockets.find(name);
    if (found == sockets.end()) return {};
    std::vector<posix::UniqueFd> taken = std::move(found->second);
    sockets.erase(found);
    return taken;
}

Handed take_handed() {
    Handed handed;
    const std::string listen_pid = take_variable("LISTEN_PID");
    const std::string count = take_variable("LISTEN_FDS");
    const std::string name_list = take_variable("LISTEN_FDNAMES");
    const std::string watchdog_pid = take_variable("WATCHDOG_PID");
    const std::string watchdog = take_variable("WATCHDOG_USEC");
    handed.notify_socket = take_variable("NOTIFY_SOCKET");
    if (watchdog_pid.empty() || is_ours(watchdog_pid))
        handed.watchdog = std::chrono::microseconds{
            static_cast<std::int64_t>(line::parse_whole<std::uint64_t>(watchdog, 0, max_watchdog).value_or(0))};
    if (!is_ours(listen_pid)) return handed;
    std::string_view names = name_list;
    for (std::uint32_t i = 0; i < line::parse_whole<std::uint32_t>(count).value_or(0); ++i) {
        const int fd = first_socket + static_cast<int>(i);
        if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) break; // not open: the count is wrong
        const std::string_view name = names.substr(0, names.find(':'));
        names.remove_prefix(std::min(name.size() + 1, names.size()));
        handed.sockets[std::string{name.empty() ? unnamed : name}].emplace_back(fd);
    }
    return handed;
}

} // namespace buzon::systemd
