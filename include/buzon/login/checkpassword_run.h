// login/checkpassword_run.h - runs the program of --checkpassword, a few at a time, and never waits for one
// (auth/checkpassword.h is the interface itself).
#pragma once

#include <sys/types.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "buzon/auth/checkpassword.h"
#include "buzon/event/child.h"
#include "buzon/event/event_loop.h"

namespace buzon::login {

class CheckpasswordPool;

// One question. Destroying it gives it up: its program, and all that this started, is killed.
class CheckpasswordRun final : private event::ChildHandler, private event::TimerHandler {
public:
    // `why`: of a verdict that is unknown, for the log.
    using OnVerdict = std::function<void(auth::Verdict verdict, std::string why)>;

    // `message`: from auth::checkpassword_message(). on_verdict is called once, never in here; it may destroy us.
    CheckpasswordRun(CheckpasswordPool& pool, std::string message, OnVerdict on_verdict);
    CheckpasswordRun(const CheckpasswordRun&) = delete;
    CheckpasswordRun& operator=(const CheckpasswordRun&) = delete;
    ~CheckpasswordRun();

private:
    friend class CheckpasswordPool;
    void start();
    [[nodiscard]] std::error_code spawn();
    void on_exit(int status) override;
    void on_timer(event::Timer&) override;
    void kill_all() noexcept;
    void tell(auth::Verdict verdict, std::string why);

    CheckpasswordPool& pool_;
    std::string message_;
    OnVerdict on_verdict_;
    event::Timer timer_{*this};
    event::Child child_{*this};
    pid_t group_ = -1;
    std::error_code failed_; // why it did not start
    bool counted_ = false;   // among the pool's running ones
};

class CheckpasswordPool final : private event::TimerHandler {
public:
    // Empty: there is no such program.
    CheckpasswordPool(event::EventLoop& loop, std::string program) : loop_{loop}, program_{std::move(program)} {}
    // For those who are asked about from now on.
    void use(std::string program) { program_ = std::move(program); }
    [[nodiscard]] bool in_use() const noexcept { return !program_.empty(); }
    [[nodiscard]] std::size_t running() const noexcept { return running_; }

private:
    friend class CheckpasswordRun;
    void enter(CheckpasswordRun& run);
    void leave(CheckpasswordRun& run) noexcept;
    void on_timer(event::Timer&) override;

    event::EventLoop& loop_;
    std::string program_;
    std::deque<CheckpasswordRun*> queue_; // one a connection at most
    std::size_t running_ = 0;
    event::Timer next_{*this};
};

} // namespace buzon::login
