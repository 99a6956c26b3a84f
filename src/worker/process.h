// worker/process.h - one worker process as the server sees it: idle, or busy with one order.
#pragma once

#include <memory>

#include "buzon/keeper/starter.h"
#include "buzon/worker/pool.h"

namespace buzon::worker::detail {

struct Order {
    Job job;
    Pool::OnAnswer on_answer;
    Process* process = nullptr; // the worker that has it
    std::uint64_t number = 0;   // older orders have lower numbers
    Fate fate = Fate::refused;  // if no worker does it
    bool dropped = false;

    [[nodiscard]] int descriptor() const noexcept { return job.file ? job.file->get() : -1; }
};

class Process final : private event::Handler, private event::TimerHandler, private keeper::ChildEvents {
public:
    explicit Process(Pool& pool) : pool_{pool}, child_{*this}, limit_{*this} {}
    ~Process();

    // Starts a worker for jobs like this one.
    [[nodiscard]] std::error_code start(const Settings& settings, const Job& job);
    void dismiss() noexcept;                    // of an idle worker, which then exits
    [[nodiscard]] bool take_no_more() noexcept; // true: it was idle, and exits now
    [[nodiscard]] bool idle() const noexcept { return !order_ && !leaving(); }
    [[nodiscard]] bool leaving() const noexcept { return finished_ || killed_ || !socket_; }
    // Running a job, or killed during one and not dead yet: the kernel may take long to let it go.
    [[nodiscard]] bool busy() const noexcept { return order_ || hangs_; }
    [[nodiscard]] bool hangs() const noexcept { return hangs_; }          // its job takes longer than usual
    [[nodiscard]] std::uint64_t where() const noexcept { return where_; } // while busy
    // On failure the order still belongs to the caller.
    enum class Taken : std::uint8_t { yes, not_sent, worker_gone };
    [[nodiscard]] Taken take(const std::shared_ptr<Order>& order);
    // Whether it is the kind of worker that this job needs.
    [[nodiscard]] bool fits(const Job& job) const noexcept;
    [[nodiscard]] bool alone() const noexcept { return alone_; }
    [[nodiscard]] event::Instant last_used() const noexcept { return begun_; }
    [[nodiscard]] bool has_served() const noexcept { return served_; } // it has answered once
    void kill() noexcept;

private:
    void on_ready(std::uint32_t events) override;
    void on_timer(event::Timer& which) override;
    void on_exit(int status) override;
    void on_no_start(std::error_code why) override;
    [[nodiscard]] std::chrono::nanoseconds processor_time() const noexcept;
    void arm_limit();
    void arm_idle_limit();
    [[nodiscard]] bool may_refuse() const noexcept;
    void refused();
    void too_late();
    void end(Fate fate, std::error_code why = {});
    [[nodiscard]] bool has_not_read() const noexcept; // after it has ended: it never read its job
    void answer(Answer answer);

    Pool& pool_;
    posix::UniqueFd socket_;
    event::Watch watch_;
    keeper::Child child_;
    event::Timer limit_;
    event::Instant begun_{};                       // start of the running or last job
    std::chrono::nanoseconds processor_before_{0}; // CPU time that the worker had used by then
    std::shared_ptr<Order> order_;
    std::uint64_t where_ = 0; // the file system of its job
    std::string place_;       // if alone, or for one job
    posix::Ids owner_;
    bool alone_ = false;
    bool for_place_ = false; // alone, or for one job: if it cannot be started, the place may be the reason
    bool hangs_ = false;
    bool served_ = false;
    bool unread_ = false;   // it has ended without reading its job
    bool last_job_ = false; // it exits after this job
    bool killed_ = false;   // perhaps only after it has answered: the signal goes by way of the keeper
    bool finished_ = false;
};

} // namespace buzon::worker::detail
