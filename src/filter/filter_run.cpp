#include "buzon/filter/filter_run.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include "member.h"
#include "stderr_lines.h"

namespace buzon::filter {

using posix::Moved;
using posix::Transfer;

std::string_view name_of(Cause cause) noexcept {
    switch (cause) {
    case Cause::none: return "none";
    case Cause::cannot_start: return "cannot-start";
    case Cause::exit_status: return "exit-status";
    case Cause::signal: return "signal";
    case Cause::time_limit: return "time-limit";
    case Cause::system: return "system";
    }
    return "system";
}

namespace {

// A pipe a program writes into; the reading end may be ours. Larger pipes save both sides turns, smaller ones do too.
posix::Result<posix::Pipe> large_pipe(std::size_t octets) {
    posix::Result<posix::Pipe> pipe = posix::make_pipe(false);
    if (pipe) ::fcntl(pipe.value().read_end.get(), F_SETPIPE_SZ, static_cast<int>(octets));
    return pipe;
}

// Of the open file of one end: the program's end goes on blocking, as programs expect.
std::error_code never_block(int fd) noexcept {
    if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) return posix::last_error();
    return {};
}

std::size_t octets_in(int pipe) noexcept {
    int octets = 0;
    return ::ioctl(pipe, FIONREAD, &octets) == 0 ? static_cast<std::size_t>(octets) : 0;
}

std::string in_words(std::chrono::milliseconds time) {
    const auto count = time.count();
    return count % 1000 == 0 ? std::to_string(count / 1000) + " s" : std::to_string(count) + " ms";
}

} // namespace

// What a Run is made of. Its callbacks may destroy the Run and so this: after each of them nothing is touched any more
// unless Alive says so.
class Run::Machine final : private Member::Owner, private event::TimerHandler {
public:
    Machine(event::EventLoop& loop, Launcher& launcher, RunEvents& events)
        : loop_{loop}, launcher_{launcher}, events_{events}, timer_{*this}, on_output_{*this}, on_stderr_{*this},
          later_{*this} {}
    ~Machine() {
        for (Alive* alive = alive_; alive; alive = alive->previous) alive->machine = nullptr;
        close_down();
    }

    Outcome start(const FilterSpec& spec, posix::UniqueFd input, const Environment& environment, const Limits& limits);
    Transfer read(std::span<char> into);
    void pause() noexcept;
    void resume();
    void close_down() noexcept;

    [[nodiscard]] bool running() const noexcept { return state_ == State::running || state_ == State::terminating; }
    [[nodiscard]] std::uint64_t octets_read() const noexcept { return octets_read_; }
    [[nodiscard]] std::vector<pid_t> processes() const;

private:
    enum class State { idle, running, terminating, ended };

    struct OnOutput final : event::Handler {
        explicit OnOutput(Machine& m) : machine{m} {}
        void on_ready(std::uint32_t) override { machine.events_.on_output(); }
        Machine& machine;
    };
    struct OnStderr final : event::Handler {
        explicit OnStderr(Machine& m) : machine{m} {}
        void on_ready(std::uint32_t) override { machine.read_stderr(false); }
        Machine& machine;
    };
    struct Later final : event::Task {
        explicit Later(Machine& m) : machine{m} {}
        void run() override { machine.finish(); }
        Machine& machine;
    };
    // Lives on the stack of a method that goes on after a callback.
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
    Outcome start_watches();
    Outcome refused(std::error_code why, std::string_view step, std::size_t member) const;

    void on_member_ended() override;
    void on_timer(event::Timer&) override;
    [[nodiscard]] bool all_ended() const noexcept;
    [[nodiscard]] std::optional<Outcome> failure() const;
    void end_when_drained() noexcept;
    void end_later(Outcome outcome) noexcept;
    void close_output() noexcept;
    void terminate();
    void finish();
    void read_stderr(bool last);

    event::EventLoop& loop_;
    Launcher& launcher_;
    RunEvents& events_;
    State state_ = State::idle;
    bool paused_ = false;
    std::uint64_t octets_read_ = 0;
    std::optional<std::size_t> left_;   // once all members have ended: octets still to be read

    std::vector<std::string> paths_;
    std::vector<std::unique_ptr<Member>> members_;
    posix::UniqueFd output_;
    posix::UniqueFd stderr_;
    StderrLines lines_{0, 0};
    std::chrono::milliseconds without_progress_{0};
    std::chrono::milliseconds between_term_and_kill_{0};
    event::Instant progress_;
    Outcome outcome_;

    event::Timer timer_;
    OnOutput on_output_;
    OnStderr on_stderr_;
    event::Watch output_watch_;
    event::Watch stderr_watch_;
    Later later_;
    Alive* alive_ = nullptr;
};

// --- the beginning ---

Outcome Run::Machine::start(const FilterSpec& spec, posix::UniqueFd input, const Environment& environment,
                            const Limits& limits) {
    lines_ = StderrLines{limits.stderr_lines, limits.stderr_line_octets};
    without_progress_ = limits.without_progress;
    between_term_and_kill_ = limits.between_term_and_kill;
    for (const FilterMember& member : spec.members()) paths_.push_back(member.path);
    if (spec.empty()) return refused({EINVAL, std::system_category()}, "no specification", 0);

    Outcome outcome = start_members(spec, std::move(input), environment, limits);
    if (outcome.ok()) outcome = start_watches();
    if (!outcome.ok()) {
        close_down();
        return outcome;
    }
    state_ = State::running;
    progress_ = loop_.now();
    if (without_progress_.count() > 0) timer_.arm(loop_.timers(), progress_ + without_progress_);
    return outcome;
}

Outcome Run::Machine::start_members(const FilterSpec& spec, posix::UniqueFd input, const Environment& environment,
                                    const Limits& limits) {
    posix::Result<posix::Pipe> errors = posix::make_pipe(false);
    if (!errors) return refused(errors.error(), "pipe", 0);
    stderr_ = std::move(errors.value().read_end);
    for (std::size_t i = 0; i < spec.members().size(); ++i) {
        posix::Result<posix::Pipe> output = large_pipe(limits.pipe_octets);
        if (!output) return refused(output.error(), "pipe", i);
        const FilterMember& member = spec.members()[i];
        Launch launch = launcher_.start({member.path, member.arguments, environment, input.get(),
                                         output.value().write_end.get(), errors.value().write_end.get(), limits.resources,
                                         limits.run_as ? &*limits.run_as : nullptr});
        if (!launch.ok()) return refused(launch.why, launch.step, i);
        members_.push_back(std::make_unique<Member>(loop_, static_cast<Member::Owner&>(*this), std::move(launch.started)));
        input = std::move(output.value().read_end);
    }
    output_ = std::move(input);   // what would be the next one's input
    return {};
}

Outcome Run::Machine::start_watches() {
    const std::size_t last = members_.size() - 1;
    for (const posix::UniqueFd* pipe : {&output_, &stderr_}) {
        if (const std::error_code why = never_block(pipe->get())) return refused(why, "pipe", last);
    }
    if (const std::error_code why = stderr_watch_.start(loop_, stderr_.get(), EPOLLIN, on_stderr_)) {
        return refused(why, "epoll", last);
    }
    if (const std::error_code why = output_watch_.start(loop_, output_.get(), EPOLLIN, on_output_)) {
        return refused(why, "epoll", last);
    }
    for (const auto& member : members_) {
        if (const std::error_code why = member->watch()) return refused(why, "epoll", last);
    }
    return {};
}

Outcome Run::Machine::refused(std::error_code why, std::string_view step, std::size_t member) const {
    std::string text = (paths_.empty() ? std::string{"no program"} : paths_[member]) + ": cannot start: " + why.message();
    if (step != "execve") text += " (" + std::string{step} + ")";
    if (step == "execve" && why.value() == ENOEXEC) text += " (a script needs a first line such as #!/bin/sh)";
    return {Cause::cannot_start, member, std::move(text), {}};
}

// --- output ---

Transfer Run::Machine::read(std::span<char> into) {
    if (state_ != State::running || !output_) return {Moved::end};
    if (left_) into = into.first(std::min(into.size(), *left_));
    const Transfer moved = posix::read_some(output_.get(), into);
    if (moved.what == Moved::some) {
        octets_read_ += moved.bytes;
        progress_ = loop_.now();
        if (left_) *left_ -= moved.bytes;
    } else if (moved.what != Moved::would_block) {
        close_output();
    }
    end_when_drained();
    return moved;
}

void Run::Machine::pause() noexcept {
    paused_ = true;
    // Not interest 0: a pipe whose writers are gone reports that all the same, in every turn.
    output_watch_.stop();
}

void Run::Machine::resume() {
    if (!paused_) return;
    paused_ = false;
    if (state_ != State::running) return;
    progress_ = loop_.now();
    if (!timer_.armed() && without_progress_.count() > 0) timer_.arm(loop_.timers(), progress_ + without_progress_);
    if (!output_ || later_.pending()) return;
    if (const std::error_code why = output_watch_.start(loop_, output_.get(), EPOLLIN, on_output_)) {
        end_later({Cause::system, 0, "output of " + paths_.back() + ": " + why.message(), {}});
    }
}

void Run::Machine::close_output() noexcept {
    output_watch_.stop();
    output_.reset();
}

// --- the end ---

void Run::Machine::on_member_ended() {
    if (state_ == State::terminating) {
        if (all_ended()) finish();
        return;
    }
    if (std::optional<Outcome> failed = failure()) {
        outcome_ = std::move(*failed);
        finish();
        return;
    }
    end_when_drained();
}

bool Run::Machine::all_ended() const noexcept {
    return std::all_of(members_.begin(), members_.end(), [](const auto& member) { return member->end().has_value(); });
}

// A member that the next one left without a reader has not failed: the next one decides, and if it has seen enough and
// ends well all is well, as with a single program that does not read its input to the end.
std::optional<Outcome> Run::Machine::failure() const {
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const std::optional<End>& end = members_[i]->end();
        if (!end || end->well()) continue;
        if (end->killed && end->code == SIGPIPE && i + 1 < members_.size()) continue;
        return Outcome{end->killed ? Cause::signal : Cause::exit_status, i, paths_[i] + ": " + end->text(), {}};
    }
    return std::nullopt;
}

// Once all have ended, what is in the pipe is what they wrote. That much is read and no more: a grandchild may hold the
// pipe, and even go on writing.
void Run::Machine::end_when_drained() noexcept {
    if (state_ != State::running || !all_ended()) return;
    if (!left_) left_ = output_ ? octets_in(output_.get()) : 0;
    if (output_ && *left_ != 0) return;
    close_output();
    end_later({});
}

// The owner may be in the middle of read() or resume().
void Run::Machine::end_later(Outcome outcome) noexcept {
    if (later_.pending()) return;
    outcome_ = std::move(outcome);
    loop_.next_turn(later_);
}

void Run::Machine::on_timer(event::Timer&) {
    if (state_ == State::terminating) {
        finish();   // SIGKILL comes with it; a process the kernel does not let go is not waited for
        return;
    }
    if (paused_) return;   // resume() arms again
    // Done, and what is missing is only that the owner reads it.
    if (all_ended()) return;
    if (loop_.now() >= progress_ + without_progress_) {
        terminate();
    } else {
        timer_.arm(loop_.timers(), progress_ + without_progress_);
    }
}

void Run::Machine::terminate() {
    std::size_t guilty = 0;
    while (guilty + 1 < members_.size() && members_[guilty]->end()) ++guilty;
    outcome_ = {Cause::time_limit, guilty,
                paths_[guilty] + ": no progress for " + in_words(without_progress_), {}};
    state_ = State::terminating;
    close_output();
    later_.cancel();
    for (const auto& member : members_) {
        member->signal_group(SIGTERM);
        member->signal_group(SIGCONT);   // a stopped program would not hear the first
    }
    timer_.arm(loop_.timers(), loop_.now() + between_term_and_kill_);
}

void Run::Machine::finish() {
    for (const auto& member : members_) {
        if (member->end()) outcome_.cpu += member->end()->cpu;
    }
    {
        const Alive alive{*this};
        read_stderr(true);
        if (!alive.machine || !running()) return;
    }
    close_down();
    const Outcome outcome = std::move(outcome_);
    events_.on_ended(outcome);   // last: it may destroy us
}

void Run::Machine::close_down() noexcept {
    state_ = State::ended;
    timer_.disarm();
    later_.cancel();
    close_output();
    stderr_watch_.stop();
    stderr_.reset();
    members_.clear();
}

// --- standard error ---

// A bounded piece in one turn: a program that does nothing but complain must not stop the others.
void Run::Machine::read_stderr(bool last) {
    std::vector<std::string> lines;
    std::array<char, 4096> piece;
    for (int pieces = 0; pieces < 16; ++pieces) {
        const Transfer moved = posix::read_some(stderr_.get(), piece);
        if (moved.what == Moved::some) {
            lines_.feed({piece.data(), moved.bytes}, lines);
            continue;
        }
        if (moved.what != Moved::would_block) stderr_watch_.stop();   // all have closed it
        break;
    }
    if (last) lines_.finish(lines);
    if (lines.empty()) return;
    const Alive alive{*this};
    for (const std::string& line : lines) {
        events_.on_stderr_line(line);
        if (!alive.machine || !running()) return;
    }
}

std::vector<pid_t> Run::Machine::processes() const {
    std::vector<pid_t> pids;
    for (const auto& member : members_) pids.push_back(member->pid());
    return pids;
}

// --- Run ---

Run::Run(event::EventLoop& loop, Launcher& launcher, RunEvents& events)
    : machine_{std::make_unique<Machine>(loop, launcher, events)} {}
Run::~Run() = default;

Outcome Run::start(const FilterSpec& spec, posix::UniqueFd input, const Environment& environment, const Limits& limits) {
    return machine_->start(spec, std::move(input), environment, limits);
}
Transfer Run::read(std::span<char> into) {
    return machine_->read(into);
}
void Run::pause() noexcept {
    machine_->pause();
}
void Run::resume() {
    machine_->resume();
}
void Run::abandon() noexcept {
    machine_->close_down();
}
bool Run::running() const noexcept {
    return machine_->running();
}
std::uint64_t Run::octets_read() const noexcept {
    return machine_->octets_read();
}
std::vector<pid_t> Run::processes() const {
    return machine_->processes();
}

} // namespace buzon::filter
