// login/task.h - the command in progress. A connection has at most one; this is all it knows about it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "buzon/net/stream.h"

namespace buzon::login {

enum class Step : std::uint8_t {
    again,            // more can be done now; in this turn unless its share is used up
    next_turn,        // more can be done, but the other connections go first
    waits_for_client, // until on_room()
    waits_for_worker, // until task_wakes(): a worker, a program, a descriptor, the throttle
    done,             // the reply is complete, and everything that had to be sent first has been sent
    cut,              // the reply cannot be completed: close the connection, so that no client takes it for complete
};

// For SESS.
struct TaskView {
    std::string_view name;
    std::string program = {};                             // that the task waits for or reads from
    std::optional<std::uint64_t> began_at = std::nullopt; // octets sent before the message
    std::optional<std::uint64_t> size = std::nullopt;     // of the message, if known
};

class TaskOwner {
public:
    // A task that returned waits_for_worker can continue. Never called from within go_on().
    virtual void task_wakes() = 0;

protected:
    ~TaskOwner() = default;
};

// Destroying a task cancels it: no callback follows, and work it started is undone or ends by itself.
class Task {
public:
    Task() = default;
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    virtual ~Task() = default;

    // Does what can be done now, for at most one share of a turn, and appends to the stream's output. The first octets
    // of the reply are still in the output on return.
    [[nodiscard]] virtual Step go_on(net::Stream& stream) = 0;
    // The client has gone. True: the task must run to completion without it. False: the task can be destroyed.
    [[nodiscard]] virtual bool client_gone() { return false; }
    // The task may take so long that a client that closes its side meanwhile has most likely gone for good.
    [[nodiscard]] virtual bool may_last() const { return false; }
    // The client is waiting for the task, so this is not idle time.
    [[nodiscard]] virtual bool client_waits() const { return true; }
    [[nodiscard]] virtual TaskView view() const = 0;
};

} // namespace buzon::login
