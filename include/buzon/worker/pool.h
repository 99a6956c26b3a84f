// worker/pool.h - work that may wait on a disk or burn the processor, done by other processes. Knows no kind of work.
//
// A worker is this same program, started again by posix_spawn (so nothing of the server's memory is copied or seen),
// with one socket. It takes one job at a time and answers it. Workers are started when there is work for them, and go
// when there is none.
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
    std::uint8_t kind = 0; // the owner's numbering; worker and server are the same program and agree on it
    std::string body;
    int fd = -1; // borrowed: a descriptor to send along; must stay open until submit() has returned
    // May the worker be killed in the middle of it when nobody waits for the answer any more? Not where it changes
    // what must be finished.
    bool abandonable = true;
    // May it be done twice? Then a worker's death costs nobody an answer: another worker gets the same job, once. (A
    // job that kills its workers ends with the second one.)
    bool repeatable = false;
};

enum class Fate : std::uint8_t {
    answered,
    crashed,       // the worker died over it, of a repeatable one the second too; or none could be started
    too_late,      // it took longer than Settings allows
    refused,       // the queue was full, or no worker could be told of any job for some time
    no_descriptor, // done, but its descriptor could not be received: our table is full
};

struct Answer {
    Fate fate = Fate::crashed;
    std::string body;
    posix::UniqueFd fd; // when the worker sent one
};

class Pool;
namespace detail {
struct Order;
class Process;
} // namespace detail

// The wait for one answer. Destroying it gives the answer up: a job still queued is dropped, an abandonable one that
// runs is ended with its worker, any other runs to its end unheard.
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
    std::shared_ptr<detail::Order> order_; // shared with the pool: either may go first
};

struct Settings {
    std::string program = "/proc/self/exe";
    std::vector<std::string> arguments; // argv, [0] included
    std::size_t most_processes = 4;
    std::size_t longest_queue = 4096;
    std::chrono::milliseconds time_limit{60'000}; // of one job, from its start; 0: none
    // The same in time that the processor has worked for it, so that a machine busy with other things does not make an
    // honest job late; 0: none.
    std::chrono::milliseconds processor_limit{0};
    // A worker that has had nothing to do for so long goes, unless it is the last one.
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
    // Waits for nobody: workers see their socket's end, finish what they do and go.
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
    // While it is armed, no job is given to anybody.
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
    [[nodiscard]] bool spare(const detail::Process& process) const noexcept; // there are others
    void gone(detail::Process& process);                                     // it ended: forget it after this turn
    void could_not_send();
    [[nodiscard]] bool hopeless() const noexcept; // for now
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
    int failures_ = 0;                 // in a row, to tell a worker of a job
    bool poor_ = false;                // there was no memory to feed() a moment ago
    event::Instant no_start_before_{}; // after a worker that could not be started
    std::uint64_t started_ = 0;
    std::uint64_t done_ = 0;
    std::uint64_t crashed_ = 0;
};

} // namespace buzon::worker
