// login/task.h - one command under way. A connection has at most one, and knows no more of it than this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "buzon/net/stream.h"

namespace buzon::login {

enum class Step : std::uint8_t {
    again,            // more can be done now, in this turn unless its share is used up
    next_turn,        // the same, but the other connections go first
    waits_for_client, // until on_room()
    waits_for_worker, // until task_wakes(): a worker, a program, a descriptor, the throttle
    done,             // the reply is whole, and what must have left before has left
    cut,              // the reply can only end early: no client may take it for the whole
};

// For SESS.
struct TaskView {
    std::string_view name;
    std::string program = {};                             // that is waited for or read from
    std::optional<std::uint64_t> began_at = std::nullopt; // octets that left before the message
    std::optional<std::uint64_t> size = std::nullopt;     // of a message, when it is known
};

class TaskOwner {
public:
    // What waits_for_worker can go on. Never called from within go_on().
    virtual void task_wakes() = 0;

protected:
    ~TaskOwner() = default;
};

// Destroying a task gives it up: nobody hears of it any more, and what it began is taken back or ends by itself.
class Task {
public:
    Task() = default;
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    virtual ~Task() = default;

    // Does what can be done now, and appends to the stream's output. Never more than a share of a turn. A reply's first
    // octets are still there when it returns.
    [[nodiscard]] virtual Step go_on(net::Stream& stream) = 0;
    // The client has gone. True: the task has to go on until it is done, to nobody's ears. False: give it up.
    [[nodiscard]] virtual bool client_gone() { return false; }
    // It may take so long that a client which has ended its side meanwhile has most likely left for good.
    [[nodiscard]] virtual bool may_last() const { return false; }
    // The client cannot but wait for it: that is not idle time.
    [[nodiscard]] virtual bool client_waits() const { return true; }
    [[nodiscard]] virtual TaskView view() const = 0;
};

} // namespace buzon::login
