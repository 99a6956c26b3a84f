// login/checkpassword_run.h - runs the program given by --checkpassword, a few instances at a time, without blocking.
// auth/checkpassword.h describes the interface itself.
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

// One run of the program. Destroying it cancels the run: the program and its descendants are killed.
class CheckpasswordRun final : private event::ChildHandler, private event::TimerHandler {
public:
    // `why` explains an unknown verdict, for the log.
    using OnVerdict = std::function<void(auth::Verdict verdict, std::string why)>;

    // `message` comes from auth::checkpassword_message(). on_verdict is called once, never from this constructor; it
    // may destroy this object.
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
    std::error_code failed_; // why the program did not start
    bool counted_ = false;   // by the pool, as running
};

class CheckpasswordPool final : private event::TimerHandler {
public:
    // An empty `program` means that none is configured.
    CheckpasswordPool(event::EventLoop& loop, std::string program) : loop_{loop}, program_{std::move(program)} {}
    // Applies to runs created from now on.
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
    std::deque<CheckpasswordRun*> queue_; // at most one per connection
    std::size_t running_ = 0;
    event::Timer next_{*this};
};

} // namespace buzon::login
