// talk/conversation.h - a connection to a management service: send a line, read a reply. Waits with poll(2),
// which also watches other descriptors (signals, the keyboard).
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "buzon/posix/unique_fd.h"
#include "buzon/talk/reply.h"

namespace buzon::client {

using Milliseconds = std::chrono::milliseconds;

// Where the service is: a host and a port, or a unix socket.
struct Address {
    std::string host;
    std::string port;
    std::string unix_path; // if not empty, the other two are ignored

    [[nodiscard]] std::string text() const; // "::1:1111" is written "[::1]:1111"
};

// A server, and what is needed to connect to it again.
struct Target {
    Address address;
    Milliseconds patience{10'000}; // for a connection, its greeting and each reply
    std::string auth;              // the AUTH command that logs in; empty: none
};

// Can interrupt a wait: has descriptors to watch, and is called when one of them is readable.
class Watcher {
public:
    [[nodiscard]] virtual std::span<const int> descriptors() const = 0;
    // Called for a readable descriptor, which it must read. Returning true ends the wait as interrupted.
    virtual bool wants_out(int descriptor) = 0;

protected:
    ~Watcher() = default;
};

enum class Heard { line, quiet, interrupted, gone };

struct Hearing {
    Heard what;
    std::string text = {}; // Heard::line: without its line end; Heard::gone: the reason, for people
};

class Conversation {
public:
    // Tries every address of the name in turn and reads the greeting. On failure the string says why.
    [[nodiscard]] static std::variant<Conversation, std::string> open(const Address& address, Milliseconds patience);

    // Takes over a connected socket, without reading a greeting.
    explicit Conversation(posix::UniqueFd socket, Milliseconds patience = std::chrono::seconds{10});
    // The longest wait for the next line of a reply.
    [[nodiscard]] Milliseconds patience() const noexcept { return patience_; }

    // Empty on success, otherwise the reason. The line has no line end.
    [[nodiscard]] std::string send(std::string_view line);

    // Returns the next line. Without `patience` it waits forever. The watcher may be null and must outlive the call.
    [[nodiscard]] Hearing hear(std::optional<Milliseconds> patience, Watcher* watcher = nullptr);

    // hear() has something to read if the descriptor is readable or a whole line has already been received.
    [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }
    [[nodiscard]] bool holds_line() const noexcept { return received_.find('\n', read_) != std::string::npos; }

    // Sends QUIT and waits a short time for the server to close first, so that it sees no reset.
    void leave();

private:
    std::optional<std::string> next_line();
    std::string receive();

    posix::UniqueFd socket_;
    Milliseconds patience_;
    std::string received_;
    std::size_t read_ = 0; // octets of received_ already returned
};

struct Answer {
    enum class Kind { reply, interrupted, gone } kind;
    Reply reply = {};
    std::string why = {}; // Kind::gone
};

// Sends a command and reads its whole reply, or only the status line of a live command. The wait between two lines is
// bounded.
[[nodiscard]] Answer ask(Conversation& server, std::string_view command, Watcher* watcher = nullptr);

// Runs a live command: passes the +OK to `started` and every line to `each`. When one of them returns false, or the
// watcher interrupts, it sends an empty line and reads the rest up to the ".". The reply contains only the status line.
[[nodiscard]] Answer follow(Conversation& server, std::string_view command, Watcher& watcher,
                            const std::function<bool(const Reply&)>& started,
                            const std::function<bool(std::string_view)>& each);

} // namespace buzon::client
