// filter/hosts.h - the reactor's filter hosts: processes that start programs for it (host/host.h). Starts none itself:
// a keeper::Starter does.
//
// A host serves one program at a time, as a worker serves one job. Those that are free wait for the next program of the
// same user, for some seconds.
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

// Whose hosts: what the keeper is asked for (keeper::Start). Without a maildir: for programs that are asked about
// logins.
struct ProgramOwner {
    std::string maildir = {}; // or the mail root
    posix::Ids ids = {};      // of the maildrop, as far as is known
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

// What becomes of a program. In each of these its Lease may be destroyed.
class ProgramEvents {
public:
    virtual void on_started(pid_t pid) = 0;
    // Before that, of a program that lives on: becomes readable when its file has been replaced.
    virtual void on_watched(posix::UniqueFd file) { (void)file; }
    // The answer to Lease::look().
    virtual void on_input(int octets) { (void)octets; }
    // Instead of the others: the program does not run.
    virtual void on_refused(std::error_code why, std::string_view step) = 0;
    virtual void on_program_ended(const End& end) = 0;
    // The host has ended, or says what no host says: the program is dead, or dies with it.
    virtual void on_host_lost() = 0;

protected:
    ~ProgramEvents() = default;
};

class Hosts;
class Host; // private: host.h

// A host for one program. Destroying it kills the program and all that it has started.
class Lease {
public:
    Lease() = default;
    Lease(Lease&& other) noexcept;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { release(); }

    // Sends the program to the host. Once; the events outlive the lease. Refused: E2BIG, or the host has gone.
    [[nodiscard]] std::error_code start(const Program& program, ProgramEvents& events);
    // To the program's process group.
    void signal(int number) noexcept;
    // How much of its standard input waits to be read, if that is a pipe?
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
    // Both outlive the hosts. Role::logins: they start no program but the one that the keeper was told of.
    Hosts(event::EventLoop& loop, keeper::Starter& starter, keeper::Role role = keeper::Role::filters);
    Hosts(const Hosts&) = delete;
    Hosts& operator=(const Hosts&) = delete;
    ~Hosts() override;

    // A free host, or a new one. Errors: EMFILE and ENFILE when descriptors are short (then those that are free go).
    [[nodiscard]] posix::Result<Lease> take(const ProgramOwner& owner);

    struct Statistics {
        std::size_t all = 0;
        std::size_t free = 0;
        std::size_t starting = 0;  // programs
        std::uint64_t started = 0; // hosts
    };
    [[nodiscard]] Statistics statistics() const noexcept;
    void end_free_ones() noexcept;

    static constexpr std::size_t max_free = 16;

private:
    friend class Host;
    void on_timer(event::Timer&) override; // those that have been free for long go
    void run() override;                   // what has gone is destroyed
    void became_free(Host& host) noexcept;
    void gone(Host& host) noexcept;

    event::EventLoop& loop_;
    keeper::Starter& starter_;
    keeper::Role role_;
    std::list<std::unique_ptr<Host>> hosts_; // the longest free ones first
    event::Timer timer_{*this};
    std::uint64_t started_ = 0;
};

} // namespace buzon::filter
