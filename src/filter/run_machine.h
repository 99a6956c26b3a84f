// filter/run_machine.h - the implementation of Run: its programs, two pipes, timer and state.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "buzon/filter/filter_run.h"
#include "member.h"
#include "stderr_pipe.h"

namespace buzon::filter {

// The callbacks may destroy the Run, and this with it. After each of them, access nothing unless Alive allows it.
class Run::Machine final : private Member::Owner, private event::TimerHandler, private event::Task {
public:
    Machine(event::EventLoop& loop, Hosts& hosts, RunEvents& events)
        : loop_{loop}, hosts_{hosts}, events_{events}, timer_{*this}, on_output_{*this} {}
    ~Machine() override {
        for (Alive* alive = alive_; alive; alive = alive->previous) alive->machine = nullptr;
        close_down();
    }

    Outcome start(const FilterSpec& spec, posix::UniqueFd input, const Environment& environment, const Limits& limits,
                  int into);
    posix::Transfer read(std::span<char> into);
    void pause() noexcept;
    void resume();
    void close_down() noexcept;

    [[nodiscard]] bool running() const noexcept { return state_ == State::running || state_ == State::terminating; }
    [[nodiscard]] std::vector<pid_t> processes() const;

private:
    enum class State { idle, running, terminating, ended }; // ended: it may be started again

    struct OnOutput final : event::Handler {
        explicit OnOutput(Machine& m) : machine{m} {}
        void on_ready(std::uint32_t) override { machine.events_.on_output(); }
        Machine& machine;
    };
    // How long the programs may go without progress, and where they were at the last check.
    struct Progress {
        std::chrono::milliseconds limit{0};
        std::chrono::milliseconds before_kill{0};
        event::Instant last{};
        std::int64_t input = 0; // position of the first program in the message
        std::int64_t into = 0;  // size of the file that the last program writes
    };
    // On the stack of a method that continues after a callback.
    struct Alive {
        explicit Alive(Machine& m) : machine{&m}, previous{m.alive_} { m.alive_ = this; }
        Alive(const Alive&) = delete;
        Alive& operator=(const Alive&) = delete;
        ~Alive() {
            if (machine) machine->alive_ = previous;
        }
        Machine* machine;
        Alive* previous;
    };

    Outcome start_members(const FilterSpec& spec, posix::UniqueFd input, const Environment& environment,
                          const Limits& limits);
    [[nodiscard]] std::error_code start_member(const Program& program, Lease host, const ProgramOwner& owner);
    [[nodiscard]] std::error_code watch_output();
    Outcome refused(std::error_code why, std::string_view step, std::size_t member) const;

    void on_member_started() override;
    void on_member_refused(Member& member, std::error_code why, std::string_view step) override;
    void on_member_ended() override;
    void on_member_progress() override { progress_.last = loop_.now(); }
    void member_ended();
    void on_timer(event::Timer&) override;
    void run() override { finish(); }
    void watch_the_clock();
    void look_at_inputs();
    [[nodiscard]] bool all_started() const noexcept;
    [[nodiscard]] bool all_ended() const noexcept;
    [[nodiscard]] std::optional<Outcome> failure() const;
    void end_when_drained();
    void end_later(Outcome outcome);
    void output_failed(std::error_code why);
    void close_output() noexcept;
    void terminate();
    void finish();
    void tell_lines(const std::vector<std::string>& lines);

    event::EventLoop& loop_;
    Hosts& hosts_;
    RunEvents& events_;
    State state_ = State::idle;
    bool paused_ = false;
    std::optional<std::size_t> left_; // once all members have ended: octets left to read

    std::vector<std::string> paths_;
    std::vector<std::unique_ptr<Member>> members_;
    posix::UniqueFd input_; // the message; the first program shares its offset
    posix::UniqueFd output_;
    int into_ = -1; // instead of output_: the owner's file
    StderrPipe stderr_{[this] { tell_lines(stderr_.read()); }};
    Progress progress_;
    Outcome outcome_;

    event::Timer timer_;
    OnOutput on_output_;
    event::Watch output_watch_;
    Alive* alive_ = nullptr;
};

} // namespace buzon::filter
