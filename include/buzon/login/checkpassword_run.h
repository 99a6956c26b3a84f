// login/checkpassword_run.h - runs the program given by --checkpassword, a few instances at a time, without blocking.
// login/checkpassword.h describes the interface itself.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/event/event_loop.h"
#include "buzon/filter/filter_spec.h"
#include "buzon/filter/hosts.h"
#include "buzon/login/checkpassword.h"
#include "buzon/login/program_answers.h"
#include "buzon/posix/secret_text.h"

namespace buzon::login {

class CheckpasswordPool;

// The arguments to start the program with: its own, followed by the program that it execs if it accepts the login.
[[nodiscard]] std::vector<std::string> checkpassword_arguments(std::vector<std::string> own);

// One run of the program. Destroying it cancels the run: the program and its descendants are killed.
class CheckpasswordRun final : private filter::ProgramEvents, private event::TimerHandler {
public:
    using OnVerdict = std::function<void(const PasswordAnswer& answer)>;

    // `message` comes from checkpassword_message(). on_verdict is called once, never from this constructor; it
    // may destroy this object.
    CheckpasswordRun(CheckpasswordPool& pool, std::string message, OnVerdict on_verdict);
    CheckpasswordRun(const CheckpasswordRun&) = delete;
    CheckpasswordRun& operator=(const CheckpasswordRun&) = delete;
    ~CheckpasswordRun();

private:
    friend class CheckpasswordPool;
    void start();
    [[nodiscard]] std::error_code send();
    void on_started(pid_t) override {}
    void on_refused(std::error_code why, std::string_view step) override;
    void on_program_ended(const filter::End& end) override;
    void on_host_lost() override;
    void on_timer(event::Timer&) override;
    void fail(std::string why) { tell({Verdict::unknown, std::move(why), {}, {}}); }
    void tell(PasswordAnswer answer);

    CheckpasswordPool& pool_;
    posix::WipedString message_;
    OnVerdict on_verdict_;
    event::Timer timer_{*this};
    filter::Lease host_;
    posix::UniqueFd output_; // of the program, and of the one that it execs
    std::error_code failed_; // why the program did not start
    bool counted_ = false;   // the pool counts it as running
};

class CheckpasswordPool final : private event::TimerHandler {
public:
    static constexpr std::size_t max_running = 16;

    // `program` has one member, or none if no program is configured.
    CheckpasswordPool(event::EventLoop& loop, filter::Hosts& hosts, filter::FilterSpec program)
        : loop_{loop}, hosts_{hosts}, program_{std::move(program)} {}
    // Applies to runs created from now on.
    void use(filter::FilterSpec program) { program_ = std::move(program); }
    [[nodiscard]] bool in_use() const noexcept { return !program_.empty(); }
    [[nodiscard]] std::size_t running() const noexcept { return running_; }

private:
    [[nodiscard]] std::string name() const {
        return program_.empty() ? std::string{} : program_.members().front().path;
    }
    friend class CheckpasswordRun;
    void enter(CheckpasswordRun& run);
    void leave(CheckpasswordRun& run) noexcept;
    void on_timer(event::Timer&) override;

    event::EventLoop& loop_;
    filter::Hosts& hosts_; // start the program
    filter::FilterSpec program_;
    std::deque<CheckpasswordRun*> queue_; // at most one per connection
    std::size_t running_ = 0;
    event::Timer next_{*this};
};

} // namespace buzon::login
