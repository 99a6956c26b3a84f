// tests/client/fake_server.h - a management service whose replies a test chooses, in a process of its own.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "buzon/posix/unique_fd.h"

// Lines (in upper case) and the reply to each, as wire text with CRLF. Special values: "@close" hangs up, "@silent"
// sends nothing, "@live" sends two events and, when a line comes, ".". QUIT and NOOP are known; the rest gets "-ERR".
using Replies = std::map<std::string, std::string>;

class FakeServer {
public:
    explicit FakeServer(Replies replies = {}, std::string greeting = "+OK buzon management ready\r\n");
    ~FakeServer() { kill(); }
    FakeServer(const FakeServer&) = delete;
    FakeServer& operator=(const FakeServer&) = delete;

    [[nodiscard]] const std::string& port() const noexcept { return port_; }
    // Kills it at once with all its connections, like kill -9 of a server.
    void kill();
    // Every line received so far, each with LF at its end.
    [[nodiscard]] std::string heard() const;

private:
    std::string port_;
    pid_t pid_ = -1;
    buzon::posix::UniqueFd journal_;
};
