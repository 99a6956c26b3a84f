// support/datagrams.h - a unix socket that receives datagrams, like that of a syslog daemon.
#pragma once

#include <optional>
#include <string>

#include "buzon/posix/unique_fd.h"

namespace buzon::test {

class Datagrams {
public:
    // Binds `path`, after removing whatever was there. The path remains when the object is destroyed, as it does when a
    // daemon is killed.
    explicit Datagrams(const std::string& path);
    // Waits for the next datagram; nothing after `milliseconds`.
    [[nodiscard]] std::optional<std::string> next(int milliseconds = 60'000) const;

private:
    posix::UniqueFd fd_;
};

} // namespace buzon::test
