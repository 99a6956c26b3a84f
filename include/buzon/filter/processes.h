// filter/processes.h - long-running programs ("process:"): a pool of processes, each of which handles one message after
// another. answer_parser.h describes their answers.
//
// A process serves one member of a SPEC, with one set of limits, for one owner. An idle process waits for the next such
// message. When `limit` processes run, the one that has been idle longest is ended to make room. A program that keeps
// failing is restarted after growing pauses.
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

// The owner of a message that a process is working on. It may leave the process in either call.
class MessageOwner {
public:
    // There is something to read, or an outcome. Level-triggered while not paused.
    virtual void on_process_output() = 0;
    virtual void on_process_line(std::string_view line) = 0; // of standard error

protected:
    ~MessageOwner() = default;
};

// A process serves only messages with an equal key.
struct ProcessKey {
    FilterMember member;
    ProgramOwner owner; // whose hosts start it
    posix::Ids mail_owner;
    std::string maildrop;
    std::shared_ptr<const Jail> jail;
    ResourceLimits resources;

    [[nodiscard]] bool operator==(const ProcessKey&) const = default;
};

class Processes final : private event::TimerHandler, private event::Task {
public:
    // Events that belong to no message.
    class Events {
    public:
        virtual void on_process_started(const FilterMember& program, bool again) = 0; // again: after it had failed
        virtual void on_process_line(const FilterMember& program, std::string_view line) = 0; // of standard error

    protected:
        ~Events() = default;
    };

    // All must outlive the pool.
    Processes(event::EventLoop& loop, Hosts& hosts, Events& events);
    Processes(const Processes&) = delete;
    Processes& operator=(const Processes&) = delete;
    ~Processes() override;

    // How many processes may run, at least 1.
    void set_limit(std::size_t limit) noexcept { limit_ = limit; }
    // A process that has been idle for this long is ended.
    static constexpr std::chrono::minutes idle_limit{10};
    static constexpr std::chrono::milliseconds first_pause{100};
    static constexpr std::chrono::milliseconds longest_pause{30'000};

    struct Statistics {
        std::size_t busy = 0;
        std::size_t idle = 0;
    };
    [[nodiscard]] Statistics statistics() const noexcept;
    // Ends each process once it is idle, so that the next message gets a new one.
    void retire_all();

private:
    friend class Passage;
    friend class Process;

    struct Taken {
        Process* process = nullptr; // idle or starting
        Outcome outcome = {};       // otherwise: why not
        event::Instant later = {};  // or: try again then
    };
    // Never returns a process that has a message.
    [[nodiscard]] Taken take(const ProcessKey& key, const Limits& limits);
    [[nodiscard]] Process* find(const ProcessKey& key, bool (Process::*fits)() const noexcept);

    struct Trouble {
        unsigned failures = 0; // in a row
        event::Instant not_before{};
    };
    void failed(const ProcessKey& key);
    void did_well(const ProcessKey& key);
    void gone() noexcept { loop_.next_turn(*this); }
    void became_idle();
    void make_room();
    void on_timer(event::Timer&) override; // ends processes that have been idle for too long
    void run() override;                   // destroys those that are gone

    event::EventLoop& loop_;
    Hosts& hosts_;
    Events& events_;
    std::size_t limit_ = 1;
    std::list<std::unique_ptr<Process>> processes_; // the most recently used one last
    std::map<std::string, Trouble> troubles_;       // by owner and member
    event::Timer timer_{*this};
};

} // namespace buzon::filter
