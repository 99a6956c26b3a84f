// worker/pool.h - runs jobs that may block on a disk or use much CPU in other processes. Knows no kinds of jobs.
//
// A worker is this same program, started again by the keeper (so it neither copies nor sees the server's memory), with
// one socket. It takes one job at a time and answers it. Workers start when there is work and exit when there is none.
//
// A file system that hangs blocks every worker that touches it, and a process blocked in such a call cannot even be
// killed. So the workers are rationed among the file systems. With 16 of them:
//
//     working  |A A A A A A A A B B B . . .|U U|      A, B: file systems
//               at most 8 on one           kept for updates
//     hanging  |A A C C C C . . .                     others have taken their places; up to 64 processes in all
//
// 1. At most half of the workers do jobs on one file system, hanging or not. Updates may use the kept ones on top.
// 2. Jobs other than updates leave the kept workers free.
// 3. A worker that has been at its job for long counts as hanging, no longer as one of the 16: another may take its
// place.
//
// Of the jobs that may begin by these rules, the oldest begins first.
//
// A pool with Settings::alone has two kinds of workers. A shared worker serves the maildrops in certain folders; where
// workers act as the owners of maildrops, only those of the owner of the mail root. A worker "alone" serves a single
// maildrop and can reach nothing else. It is kept for the next job on its maildrop; if there are too many, the one that
// has been idle longest goes first. A shared worker that is given a maildrop it may not serve does not touch it and
// says so. That job then goes to a worker alone, and so do later jobs for that place. A worker alone says the same if
// another folder has taken the place of its maildrop; then a new one is started. Both kinds count together in the rules
// above.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/keeper/starter.h"
#include "buzon/posix/ids.h"
#include "buzon/posix/secret_text.h"
#include "buzon/posix/unique_fd.h"

namespace buzon::worker {

struct Job {
    std::uint8_t kind = 0; // numbered by the owner; worker and server are the same program, so they agree
    posix::WipedString body;
    // A file to send along. The caller and the queue share it, so a queued job needs no descriptor of its own.
    std::shared_ptr<const posix::UniqueFd> file{};
    // Whether the worker may be killed in the middle of the job once the answer is no longer wanted. False for jobs
    // that must finish what they change.
    bool abandonable = true;
    // Whether the job may be done twice. Then, if the worker dies, another worker gets the same job, once. (A job that
    // kills its workers fails with the second one.)
    bool repeatable = false;
    std::string place{}; // the path that it works on, for Settings::locate; empty: none
    // The file system that it works on; 0: none or unknown. Overrides locate().
    std::uint64_t where = 0;
    bool update = false; // somebody's QUIT is waiting for it
    // For a pool with Settings::alone: the owner of `place`, as far as known.
    posix::Ids owner{};
    bool alone = false; // a shared worker may not do it; set by the pool
};

enum class Fate : std::uint8_t {
    answered,
    crashed,       // the worker died (both workers, if repeatable), or none could be started
    too_late,      // it exceeded a limit of Settings
    refused,       // the queue was full, or no job could be sent to any worker for some time
    no_descriptor, // done, but our descriptor table was full, so its descriptor was lost
};

struct Answer {
    Fate fate = Fate::crashed;
    std::string body;
    posix::UniqueFd fd;    // if the worker sent one
    std::error_code why{}; // with `crashed`: why no worker could be started, if that was it
};

class Pool;
namespace detail {
struct Order;
class Process;
class Queue;
class Places;
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
    keeper::Starter* starter = nullptr;       // starts the workers; must outlive the pool
    keeper::ChildSpec child;                  // describes the workers
    std::size_t max_processes = 4;            // working ones; up to three times as many more may hang
    std::size_t kept_for_updates = 0;         // of max_processes
    std::chrono::milliseconds hangs_after{0}; // 0: never
    // The file system of a path, as a number of the owner's choice. Called in submit() and where(). Null: unknown.
    std::function<std::uint64_t(const std::string& place)> locate;
    // Whether only a worker alone may do a job on a place with this owner; asked in submit(). Null: all are shared.
    std::function<bool(const std::string& place, const posix::Ids& owner)> alone;
    bool by_owner = false;    // workers act as the owners of what they work on
    std::size_t max_warm = 0; // how many idle workers alone are kept
    bool one_job = false;     // a worker does only one job, and is told its place when it is started
    // Called when a worker that has answered before dies, busy or idle, unless it was dismissed or exceeded a limit.
    // Null: ignored.
    std::function<void()> on_loss;
    std::size_t max_queue = 4096;
    std::chrono::milliseconds time_limit{60'000}; // of one job, from its start; 0: none
    // The same in CPU time, so that a job does not time out because the machine is busy with other things; 0: none.
    std::chrono::milliseconds processor_limit{0};
    // A worker that has been idle this long exits, unless it is the last shared one.
    std::chrono::milliseconds idle_limit{10'000};
    std::chrono::milliseconds idle_limit_alone{60'000};
};

struct Statistics {
    std::size_t processes = 0;
    std::size_t running = 0; // jobs
    std::size_t hanging = 0; // among the processes
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

    // on_answer is called from the loop, never from within submit(), exactly once unless the Pending was destroyed
    // before. If it runs out of memory, it is not called again: callers that cannot accept that must handle it
    // themselves. Virtual for tests, which replace workers.
    [[nodiscard]] virtual Pending submit(const Job& job, OnAnswer on_answer);

    // The file system of a path; 0: unknown.
    [[nodiscard]] std::uint64_t where(const std::string& place) const {
        return settings_.locate && !place.empty() ? settings_.locate(place) : 0;
    }

    // Shared workers that are started from now on are told this place; the existing ones take no more jobs.
    void renew(const std::string& place);

    // Whether different workers do the jobs of different owners.
    [[nodiscard]] bool by_owner() const noexcept { return settings_.by_owner; }
    // Whether, as far as known, a shared worker may not touch this place.
    [[nodiscard]] bool alone(const std::string& place, const posix::Ids& owner) const;

    [[nodiscard]] Statistics statistics() const noexcept;
    [[nodiscard]] event::EventLoop& loop() const noexcept { return loop_; }

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
    // A period in which something is not attempted. At its end the queue is checked again.
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
    void feed_while_there_is_memory();
    [[nodiscard]] bool may_begin(std::uint64_t where, bool update) const noexcept;
    [[nodiscard]] bool sorts() const noexcept { return settings_.alone != nullptr; } // has two kinds of workers
    [[nodiscard]] detail::Process* idle_or_new(const Job& job);
    [[nodiscard]] bool make_room(const Job& job);
    [[nodiscard]] bool spare(const detail::Process& process) const noexcept; // not the last shared one
    void gone(detail::Process& process);                                     // it has exited: delete it after this turn
    void not_begun(); // a job could not be sent, or a new worker died before reading it
    void cannot_start();
    [[nodiscard]] bool hopeless() const noexcept; // at present no worker can be made to begin a job
    void fail_later(std::shared_ptr<detail::Order> order, Fate fate);
    void refuse_all() noexcept;
    // Puts the order before all others, because it has waited once. False: no memory.
    [[nodiscard]] bool again(const std::shared_ptr<detail::Order>& order) noexcept;
    // The worker says that the order is not for it: queues it for a worker alone. False: no memory.
    [[nodiscard]] bool again_alone(const std::shared_ptr<detail::Order>& order) noexcept;
    static void tell(const OnAnswer& on_answer, Answer answer);
    void run_late_answers();

    event::EventLoop& loop_;
    Settings settings_;
    std::vector<std::unique_ptr<detail::Process>> processes_;
    std::vector<std::unique_ptr<detail::Process>> leaving_;
    std::unique_ptr<detail::Queue> queue_;
    std::unique_ptr<detail::Places> others_;         // places that are not for shared workers
    std::list<std::shared_ptr<detail::Order>> late_; // orders that no worker will do
    Later later_{*this};
    Pause pause_{*this};    // nothing is sent
    Pause no_start_{*this}; // no worker is started: the last one could not be
    int failures_ = 0;      // failed attempts to have a job begun, since a worker last answered
    bool poor_ = false;     // feed() recently ran out of memory
    std::uint64_t started_ = 0;
    std::uint64_t done_ = 0;
    std::uint64_t crashed_ = 0;
};

} // namespace buzon::worker
