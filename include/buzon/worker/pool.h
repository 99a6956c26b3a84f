// worker/pool.h - runs jobs that may block on a disk or use much CPU in other processes. Knows no kinds of jobs.
//
// A worker is this same program, started again by posix_spawn (so it neither copies nor sees the server's memory), with
// one socket. It takes one job at a time and answers it. Workers start when there is work and exit when there is none.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::worker {

struct Job {
    std::uint8_t kind = 0; // numbered by the owner; worker and server are the same program, so they agree
    std::string body;
    int fd = -1; // a descriptor to send along; borrowed until submit() returns
    // Whether the worker may be killed in the middle of it once nobody waits for the answer. False for jobs that must
    // finish what they change.
    bool abandonable = true;
    // Whether it may be done twice. If the worker dies, another worker then gets the same job, once. (A job that kills
    // its workers fails with the second one.)
    bool repeatable = false;
};

enum class Fate : std::uint8_t {
    answered,
    crashed,       // the worker died (both workers, if repeatable), or none could be started
    too_late,      // it exceeded a limit of Settings
    refused,       // the queue was full, or for some time no job could be sent to any worker
    no_descriptor, // done, but our descriptor table was full, so its descriptor was lost
};

struct Answer {
    Fate fate = Fate::crashed;
    std::string body;
    posix::UniqueFd fd; // if the worker sent one
};

class Pool;
namespace detail {
struct Order;
class Process;
} // namespace detail

// A job in progress. Destroying the Pending cancels it: a queued job is dropped, a running abandonable one is killed
// with its worker, and any other runs to its end without an answer.
class Pending {
public:
    Pending() = default;
    Pending(Pending&&) noexcept = default;
    Pending& operator=(Pending&& other) noexcept;
    ~Pending() { drop(); }
    [[nodiscard]] bool waiting() const noexcept;
    void drop() noexcept;

private:
    friend class Pool;
    explicit Pending(std::shared_ptr<detail::Order> order) noexcept : order_{std::move(order)} {}
    std::shared_ptr<detail::Order> order_; // shared with the pool: either may be destroyed first
};

struct Settings {
    std::string program = "/proc/self/exe";
    std::vector<std::string> arguments; // argv, [0] included
    std::size_t max_processes = 4;
    std::size_t max_queue = 4096;
    std::chrono::milliseconds time_limit{60'000}; // of one job, from its start; 0: none
    // The same in CPU time, so that a job does not time out because the machine is busy with other things; 0: none.
    std::chrono::milliseconds processor_limit{0};
    // A worker that has been idle this long exits, unless it is the last one.
    std::chrono::milliseconds idle_limit{10'000};
};

struct Statistics {
    std::size_t processes = 0;
    std::size_t running = 0; // jobs
    std::size_t queued = 0;
    std::uint64_t started = 0; // processes
    std::uint64_t done = 0;
    std::uint64_t crashed = 0;
};

class Pool {
public:
    using OnAnswer = std::function<void(Answer)>;

    Pool(event::EventLoop& loop, Settings settings);
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;
    // Does not wait: workers see their socket close, finish their job and exit.
    virtual ~Pool();

    // on_answer is called from the loop, never in here, exactly once unless the Pending was dropped before. Whoever
    // waits for more than the call itself has to cope with finding no memory in there: the call is not repeated.
    // Virtual for tests, which pretend to be workers.
    [[nodiscard]] virtual Pending submit(const Job& job, OnAnswer on_answer);

    [[nodiscard]] Statistics statistics() const noexcept;

protected:
    [[nodiscard]] static Pending pending(std::shared_ptr<detail::Order> order) { return Pending{std::move(order)}; }

private:
    friend class detail::Process;
    class Later final : public event::Task {
    public:
        explicit Later(Pool& pool) : pool_{pool} {}
        void run() override { pool_.run_late_answers(); }

    private:
        Pool& pool_;
    };
    // While it is armed, no jobs are sent.
    class Pause final : private event::TimerHandler {
    public:
        explicit Pause(Pool& pool) : pool_{pool} {}
        void begin(std::chrono::milliseconds time) { timer_.arm(pool_.loop_.timers(), event::Clock::now() + time); }
        [[nodiscard]] bool lasts() const noexcept { return timer_.armed(); }

    private:
        void on_timer(event::Timer&) override { pool_.feed(); }
        Pool& pool_;
        event::Timer timer_{*this};
    };

    void feed() noexcept; // gives queued jobs to idle workers, starts workers
    void refuse_all_without_memory() noexcept;
    void feed_while_there_is_memory();
    [[nodiscard]] detail::Process* idle_or_new();
    [[nodiscard]] bool spare(const detail::Process& process) const noexcept; // not the last one
    void gone(detail::Process& process);                                     // it has exited: delete it after this turn
    void could_not_send();
    [[nodiscard]] bool hopeless() const noexcept; // jobs cannot be sent at present
    void fail_later(std::shared_ptr<detail::Order> order, Fate fate);
    // Before all others: it has waited once. False: no memory.
    [[nodiscard]] bool again(const std::shared_ptr<detail::Order>& order) noexcept;
    static void tell(const OnAnswer& on_answer, Answer answer);
    void run_late_answers();

    event::EventLoop& loop_;
    Settings settings_;
    std::vector<std::unique_ptr<detail::Process>> processes_;
    std::vector<std::unique_ptr<detail::Process>> leaving_;
    std::deque<std::shared_ptr<detail::Order>> queue_;
    std::deque<std::shared_ptr<detail::Order>> late_; // that nobody will work on
    Later later_{*this};
    Pause pause_{*this};
    int failures_ = 0;                 // consecutive failures to send a job
    bool poor_ = false;                // there was no memory to feed() a moment ago
    event::Instant no_start_before_{}; // set when a worker could not be started
    std::uint64_t started_ = 0;
    std::uint64_t done_ = 0;
    std::uint64_t crashed_ = 0;
};

} // namespace buzon::worker
