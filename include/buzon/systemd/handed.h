// systemd/handed.h - what a service manager passes to a process in its environment: listening sockets, the socket for
// notifications, and how often it wants to hear that the process is alive (sd_listen_fds(3), sd_notify(3)).
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "buzon/posix/unique_fd.h"

namespace buzon::systemd {

struct Handed {
    // By their names in LISTEN_FDNAMES. Close-on-exec.
    std::map<std::string, std::vector<posix::UniqueFd>, std::less<>> sockets;
    std::string notify_socket;             // a path, or '@' and an abstract name; empty: nobody listens
    std::chrono::microseconds watchdog{0}; // 0: not wanted

    // Removes the sockets with that name and returns them.
    [[nodiscard]] std::vector<posix::UniqueFd> take(std::string_view name);
};

// The name of sockets that have none in LISTEN_FDNAMES.
inline constexpr const char* unnamed = "pop3";

// Takes what is meant for this process, and removes the variables, so that no child believes they are meant for it.
// Call it once, before anything opens a descriptor.
[[nodiscard]] Handed take_handed();

} // namespace buzon::systemd
