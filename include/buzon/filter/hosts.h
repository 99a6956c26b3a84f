// filter/hosts.h - the reactor's filter hosts: processes that start programs for it (host/host.h). The hosts themselves
// are started by a keeper::Starter.
//
// A host serves one program at a time, as a worker serves one job. A free host waits a few seconds for the next program
// of the same owner.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "buzon/event/event_loop.h"
#include "buzon/event/timers.h"
#include "buzon/filter/host_message.h"
#include "buzon/filter/program.h"
#include "buzon/keeper/starter.h"
#include "buzon/posix/ids.h"
#include "buzon/posix/result.h"

namespace buzon::filter {

// Whose programs a host runs, as requested from the keeper (keeper::Start). Without a maildir: programs that are asked
// about logins.
struct ProgramOwner {
    std::string maildir = {}; // or the mail root
    posix::Ids ids = {};      // of the maildrop, as far as known
    bool alone = false;       // for that maildrop only

    [[nodiscard]] bool operator==(const ProgramOwner&) const = default;
};

// How a program ended.
struct End {
    bool killed = false;
    int code = 0; // exit status (-1: unknown), or the signal that killed it

    [[nodiscard]] bool well() const noexcept { return !killed && code == 0; }
    [[nodiscard]] std::string text() const; // "exit status 1", "killed by SIGKILL"
};

// What happens to a program. Its Lease may be destroyed in any of these.
class ProgramEvents {
public:
    virtual void on_started(pid_t pid) = 0;
    // For a long-running program, before on_started(): `file` becomes readable when the program's file has been
    // replaced.
    virtual void on_watched(posix::UniqueFd file) { (void)file; }
    // The answer to Lease::look().
    virtual void on_input(int octets) { (void)octets; }
    // Instead of all others: the program was not started.
    virtual void on_refused(std::error_code why, std::string_view step) = 0;
    virtual void on_program_ended(const End& end) = 0;
    // The host has ended or broken the protocol: the program is dead, or dies with it.
    virtual void on_host_lost() = 0;

protected:
    ~ProgramEvents() = default;
};

class Hosts;
class Host; // private: host.h

// A host reserved for one program. Destroying the lease kills the program and everything that it has started.
class Lease {
public:
    Lease() = default;
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { release(); }

    // Sends the program to the host. Call it once; `events` must outlive the lease. Errors: E2BIG, or the host has
    // gone.
    [[nodiscard]] std::error_code start(const Program& program, ProgramEvents& events);
    // To the program's process group.
    void signal(int number) noexcept;
    // Asks how much of its standard input is unread, if that is a pipe. on_input() follows.
    void look() noexcept;
    void release() noexcept;
    [[nodiscard]] explicit operator bool() const noexcept { return host_ != nullptr; }

private:
    friend class Hosts;
    friend class Host;
    explicit Lease(Host& host) noexcept;
    Host* host_ = nullptr;
};

class Hosts final : private event::TimerHandler, private event::Task {
public:
    // Both must outlive this. Role::logins: the hosts start only the program that the keeper was told about.
    Hosts(event::EventLoop& loop, keeper::Starter& starter, keeper::Role role = keeper::Role::filters);
    Hosts(const Hosts&) = delete;
    Hosts& operator=(const Hosts&) = delete;
    ~Hosts() override;

    // A free host, or a new one. Errors: EMFILE and ENFILE when descriptors are short (this ends all free hosts).
    [[nodiscard]] posix::Result<Lease> take(const ProgramOwner& owner);

    struct Statistics {
        std::size_t all = 0;
        std::size_t free = 0;
        std::size_t starting = 0;  // programs
        std::uint64_t started = 0; // hosts
    };
    [[nodiscard]] Statistics statistics() const noexcept;
    void end_free_ones() noexcept;
    // A host learns only at its start what it may run. From now on, programs get new hosts; the present ones end when
    // their programs have.
    void renew() noexcept;

    static constexpr std::size_t max_free = 16;

private:
    friend class Host;
    void on_timer(event::Timer&) override; // ends hosts that have been free for too long
    void run() override;                   // destroys hosts that are gone
    void became_free(Host& host) noexcept;
    void gone(Host& host) noexcept;

    event::EventLoop& loop_;
    keeper::Starter& starter_;
    keeper::Role role_;
    std::list<std::unique_ptr<Host>> hosts_; // free ones: the longest free first
    event::Timer timer_{*this};
    std::uint64_t started_ = 0;
};

} // namespace buzon::filter
