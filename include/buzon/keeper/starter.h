// keeper/starter.h - how the reactor sees its child processes. It does not start them itself (client.h): the process
// that talks to strangers has neither the right nor the means.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>

#include "buzon/keeper/message.h"
#include "buzon/posix/ids.h"

namespace buzon::keeper {

struct ChildSpec {
    Role role = Role::mail;
    posix::Ids owner = {};    // unsaid: the keeper decides
    std::string maildir = {}; // the one that it is for, or the mail root; empty: none
    bool alone = false;       // for that maildrop only (worker/pool.h)
};

class ChildEvents {
public:
    // Called from the loop, never from within Child::start(). The callee may destroy the child or start it again.
    virtual void on_exit(int status) = 0;              // as waitpid(2) returns it
    virtual void on_no_start(std::error_code why) = 0; // instead of on_exit()
    virtual void on_start(pid_t pid) { (void)pid; }

protected:
    ~ChildEvents() = default;
};

class Starter;

// One child. Destroying the Child forgets the process, which exits when its socket closes; the keeper reaps it.
class Child {
public:
    explicit Child(ChildEvents& events) noexcept : events_{events} {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() { forget(); }

    // Does not wait. `socket` becomes the child's descriptor 3. Whatever is sent to its other end in the meantime will
    // be there when the child reads. If no child can be started, that end sees the socket close. ENOMEM: refused,
    // nothing happens.
    [[nodiscard]] std::error_code start(Starter& starter, const ChildSpec& spec, posix::UniqueFd socket);
    [[nodiscard]] bool running() const noexcept { return starter_ != nullptr; } // or starting
    // SIGKILL. on_exit() follows.
    void kill() noexcept;
    void forget() noexcept;
    [[nodiscard]] pid_t pid() const noexcept { return pid_; } // 0: not known yet

private:
    friend class Starter;
    ChildEvents& events_;
    Starter* starter_ = nullptr;
    std::uint32_t number_ = 0;
    pid_t pid_ = 0;
};

class Starter {
public:
    virtual ~Starter() = default;

protected:
    // Asks for a child, and returns the number that it has chosen for it; 0: refused (ENOMEM).
    [[nodiscard]] virtual std::uint32_t start(Child& child, const ChildSpec& spec, posix::UniqueFd socket) = 0;
    virtual void kill(std::uint32_t number) noexcept = 0;
    virtual void forget(std::uint32_t number) noexcept = 0;

    [[nodiscard]] static std::uint32_t number_of(const Child& child) noexcept { return child.number_; }
    // Reports what has become of the child.
    static void tell(Child& child, const Report& report);

private:
    friend class Child;
};

} // namespace buzon::keeper
