// support/datagrams.h - a unix socket that takes datagrams, as a syslog daemon has one.
#pragma once

#include <optional>
#include <string>

#include "buzon/posix/unique_fd.h"

namespace buzon::test {

class Datagrams {
public:
    // Binds `path`; what was there before is removed. The path stays when the object goes, as that of a daemon which
    // was killed.
    explicit Datagrams(const std::string& path);
    // The next datagram, waited for; nothing after `milliseconds`.
    [[nodiscard]] std::optional<std::string> next(int milliseconds = 60'000) const;

private:
    posix::UniqueFd fd_;
};

} // namespace buzon::test
