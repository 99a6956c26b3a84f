// filter/processes.h - the programs that live on ("process:"): a pool of processes, each of which is handed one message
// after the other. answer_parser.h has what they say.
//
// A process serves one member of a SPEC, with one set of limits, for one owner. Those that are idle wait for the next
// such message; where `limit` of them run, the one that has been idle longest makes room. A program that fails again
// and again is started after growing pauses.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "buzon/event/event_loop.h"
#include "buzon/event/timers.h"
#include "buzon/filter/filter_spec.h"
#include "buzon/filter/hosts.h"
#include "buzon/filter/outcome.h"

namespace buzon::filter {

class Process; // private: process.h

// Whoever has handed a message to a process. It may leave it in any of these.
class MessageOwner {
public:
    // There is something to read, or an outcome. Level-triggered, unless paused.
    virtual void on_process_output() = 0;
    virtual void on_process_line(std::string_view line) = 0; // of standard error

protected:
    ~MessageOwner() = default;
};

// What one process may serve.
struct ProcessKey {
    FilterMember member;
    ProgramOwner owner; // whose hosts
    posix::Ids mail_owner;
    std::string maildrop;
    std::shared_ptr<const Jail> jail;
    ResourceLimits resources;

    [[nodiscard]] bool operator==(const ProcessKey&) const = default;
};

class Processes final : private event::TimerHandler, private event::Task {
public:
    // What happens without a message that it belongs to.
    class Events {
    public:
        virtual void on_process_started(const FilterMember& program, bool again) = 0; // again: after it had died
        virtual void on_process_line(const FilterMember& program, std::string_view line) = 0; // of standard error

    protected:
        ~Events() = default;
    };

    // All of them outlive the pool.
    Processes(event::EventLoop& loop, Hosts& hosts, Events& events);
    Processes(const Processes&) = delete;
    Processes& operator=(const Processes&) = delete;
    ~Processes() override;

    // The most that run, at least 1.
    void set_limit(std::size_t limit) noexcept { limit_ = limit; }
    // A program that is idle for so long ends.
    static constexpr std::chrono::minutes idle_limit{10};
    static constexpr std::chrono::milliseconds first_pause{100};
    static constexpr std::chrono::milliseconds longest_pause{30'000};

    struct Statistics {
        std::size_t busy = 0;
        std::size_t idle = 0;
    };
    [[nodiscard]] Statistics statistics() const noexcept;
    // Each ends when it is idle, so that the next message gets a new one.
    void retire_all();

private:
    friend class Passage;
    friend class Process;

    struct Taken {
        Process* process = nullptr; // idle or starting
        Outcome outcome = {};       // else: why not
        event::Instant later = {};  // or: not before then
    };
    // Not a process that has a message.
    [[nodiscard]] Taken take(const ProcessKey& key, const Limits& limits);

    struct Trouble {
        unsigned failures = 0; // one after the other
        event::Instant not_before{};
    };
    void failed(const ProcessKey& key);
    void did_well(const ProcessKey& key);
    void gone() noexcept { loop_.next_turn(*this); }
    void became_idle();
    void make_room();
    void on_timer(event::Timer&) override; // those that have been idle for long go
    void run() override;                   // what has gone is destroyed

    event::EventLoop& loop_;
    Hosts& hosts_;
    Events& events_;
    std::size_t limit_ = 1;
    std::list<std::unique_ptr<Process>> processes_; // the last one used behind the others
    std::map<std::string, Trouble> troubles_;       // by owner and member
    event::Timer timer_{*this};
};

} // namespace buzon::filter
