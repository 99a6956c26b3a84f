// tests/client/fake_server.h - a management service that says what a test tells it to, in a process of its own.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "buzon/posix/unique_fd.h"

// Lines (upper case) and what is sent for each: wire text, CRLF and all. Special values: "@close" hangs up, "@silent"
// says nothing, "@live" sends two events and, when a line comes, ".". QUIT and NOOP are known; the rest is "-ERR".
using Replies = std::map<std::string, std::string>;

class FakeServer {
public:
    explicit FakeServer(Replies replies = {}, std::string greeting = "+OK buzon management ready\r\n");
    ~FakeServer() { kill(); }
    FakeServer(const FakeServer&) = delete;
    FakeServer& operator=(const FakeServer&) = delete;

    [[nodiscard]] const std::string& port() const noexcept { return port_; }
    // At once, with all connections, as kill -9 of a server would.
    void kill();
    // Every line that came so far, each ended by LF.
    [[nodiscard]] std::string heard() const;

private:
    std::string port_;
    pid_t pid_ = -1;
    buzon::posix::UniqueFd journal_;
};
