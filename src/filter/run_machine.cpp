// A run in progress, and its end.
#include "run_machine.h"

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "buzon/event/memory.h"

namespace buzon::filter {

using posix::Moved;
using posix::Transfer;

namespace {

constexpr int polls_per_limit = 8; // checks of what programs have read, per time limit

// Nothing if the kernel does not say.
std::optional<std::size_t> octets_in(int pipe) noexcept {
    int octets = 0;
    if (::ioctl(pipe, FIONREAD, &octets) != 0) return std::nullopt;
    return static_cast<std::size_t>(octets);
}

} // namespace

// --- output ---

Transfer Run::Machine::read(std::span<char> into) {
    if (state_ != State::running || !output_) return {Moved::end};
    if (left_) into = into.first(std::min(into.size(), *left_));
    const Transfer moved = posix::read_some(output_.get(), into);
    if (moved.what == Moved::some) {
        progress_.last = loop_.now();
        if (left_) *left_ -= moved.bytes;
    } else if (moved.what == Moved::failed) {
        output_failed(moved.why);
    } else if (moved.what == Moved::end) {
        close_output();
    }
    end_when_drained();
    return moved;
}

// Even if the programs succeed, part of their output is lost, and a part must not be sent as the whole.
void Run::Machine::output_failed(std::error_code why) {
    close_output();
    end_later({Cause::system, "output of " + paths_.back() + ": " + why.message()});
}

void Run::Machine::pause() noexcept {
    paused_ = true;
    // Not interest 0: a pipe whose writers are gone would still report that in every turn.
    output_watch_.stop();
}

void Run::Machine::resume() {
    if (!paused_) return;
    paused_ = false;
    if (state_ != State::running) return;
    progress_.last = loop_.now();
    if (!timer_.armed()) watch_the_clock();
    if (!output_ || pending()) return;
    if (const std::error_code why = output_watch_.start(loop_, output_.get(), EPOLLIN, on_output_)) output_failed(why);
}

void Run::Machine::close_output() noexcept {
    output_watch_.stop();
    output_.reset();
}

// --- the end ---

// Each of these comes only once, so running out of memory here would lose the event.

void Run::Machine::on_member_started() {
    progress_.last = loop_.now();
    if (!all_started()) return;
    const Alive alive{*this};
    events_.on_started();
    // The first ones may have ended while the last one was being loaded.
    if (alive.machine && running()) on_member_ended();
}

void Run::Machine::on_member_refused(Member& member, std::error_code why, std::string_view step) {
    outcome_ = {Cause::cannot_start, {}};
    event::guarded(
        [&] {
            const auto place =
                std::find_if(members_.begin(), members_.end(), [&](const auto& one) { return one.get() == &member; });
            outcome_ = refused(why, step, static_cast<std::size_t>(place - members_.begin()));
        },
        [] {});
    finish();
}

void Run::Machine::on_member_ended() {
    event::guarded([&] { member_ended(); },
                   [&] {
                       outcome_ = {Cause::system, "no memory"};
                       loop_.next_turn(*this);
                   });
}

void Run::Machine::member_ended() {
    if (state_ == State::terminating) {
        if (all_ended()) finish();
        return;
    }
    // A member without a reader fails, too. If the next one could not be started, that is the better reason.
    if (!all_started()) return;
    if (std::optional<Outcome> failed = failure()) {
        outcome_ = std::move(*failed);
        finish();
        return;
    }
    end_when_drained();
}

bool Run::Machine::all_started() const noexcept {
    return std::all_of(members_.begin(), members_.end(), [](const auto& member) { return member->started(); });
}

bool Run::Machine::all_ended() const noexcept {
    return std::all_of(members_.begin(), members_.end(), [](const auto& member) { return member->end().has_value(); });
}

// A member that lost its reader has not failed: the next member decides. If that one has read enough and succeeds, the
// run succeeds, as with a single program that does not read all of its input.
std::optional<Outcome> Run::Machine::failure() const {
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const std::optional<End>& end = members_[i]->end();
        if (!end || end->well()) continue;
        if (members_[i]->host_lost()) return Outcome{Cause::system, paths_[i] + ": its host process died"};
        if (end->killed && end->code == SIGPIPE && i + 1 < members_.size()) continue;
        return Outcome{end->killed ? Cause::signal : Cause::exit_status, paths_[i] + ": " + end->text()};
    }
    return std::nullopt;
}

// Once all have ended, the pipe contains the rest of their output. Read that much and no more: a grandchild may hold
// the pipe and even keep writing.
void Run::Machine::end_when_drained() {
    if (state_ != State::running || pending() || !all_ended()) return;
    if (!left_) {
        left_ = output_ ? octets_in(output_.get()) : 0;
        if (!left_) return output_failed(posix::last_error());
    }
    if (output_ && *left_ != 0) return;
    close_output();
    end_later({});
}

// The owner may be in the middle of read() or resume().
void Run::Machine::end_later(Outcome outcome) {
    if (pending()) return;
    outcome_ = std::move(outcome);
    loop_.next_turn(*this);
}

void Run::Machine::on_timer(event::Timer&) {
    if (state_ == State::terminating) {
        finish(); // also sends SIGKILL; do not wait for a process stuck in the kernel
        return;
    }
    if (paused_) return; // resume() arms it again
    // All are finished; the owner only has to read the rest.
    if (all_ended()) return;
    look_at_inputs();
    // What the other members have read is known only one look later.
    const auto grace = members_.size() > 1 ? progress_.limit / polls_per_limit : std::chrono::milliseconds{0};
    if (loop_.now() >= progress_.last + progress_.limit + grace)
        terminate();
    else
        watch_the_clock();
}

// Nothing reports what programs read, so we poll, often enough to know the time to an eighth of the limit.
void Run::Machine::watch_the_clock() {
    if (progress_.limit.count() == 0) return;
    const event::Instant now = event::Clock::now();
    const event::Instant end = progress_.last + progress_.limit;
    const auto step = progress_.limit / polls_per_limit;
    timer_.arm(loop_.timers(), end > now ? std::min(end, now + step) : now + step);
}

// Checks how far the first program is in its input, and how much input the others have left: reading changes both. We
// keep no end of the pipes between programs (that would hide the end of input from them), so their hosts look.
void Run::Machine::look_at_inputs() {
    const std::int64_t now = ::lseek(input_.get(), 0, SEEK_CUR);
    if (std::exchange(progress_.input, now) != now) progress_.last = loop_.now();
    struct stat about {};
    if (into_ >= 0 && ::fstat(into_, &about) == 0 && std::exchange(progress_.into, about.st_size) != about.st_size)
        progress_.last = loop_.now();
    for (std::size_t i = 1; i < members_.size(); ++i)
        if (!members_[i]->end()) members_[i]->look();
}

void Run::Machine::terminate() {
    std::size_t guilty = 0;
    while (guilty + 1 < members_.size() && members_[guilty]->end()) ++guilty;
    outcome_ = {Cause::time_limit, paths_[guilty] + ": no progress for " + in_words(progress_.limit)};
    state_ = State::terminating;
    close_output();
    cancel();
    for (const auto& member : members_) {
        member->signal_group(SIGTERM);
        member->signal_group(SIGCONT); // a stopped program would not get the SIGTERM
    }
    timer_.arm(loop_.timers(), loop_.now() + progress_.before_kill);
}

void Run::Machine::finish() {
    {
        const Alive alive{*this};
        event::guarded([&] { tell_lines(stderr_.read_last()); }, [] {}); // without memory, the last lines are lost
        if (!alive.machine || !running()) return;
    }
    close_down();
    const Outcome outcome = std::move(outcome_);
    events_.on_ended(outcome); // last: it may destroy this
}

void Run::Machine::close_down() noexcept {
    state_ = State::ended;
    timer_.disarm();
    cancel();
    close_output();
    stderr_.close();
    input_.reset();
    members_.clear();
}

// --- standard error ---

void Run::Machine::tell_lines(const std::vector<std::string>& lines) {
    const Alive alive{*this};
    for (std::size_t i = 0; i < lines.size() && alive.machine && running(); ++i) events_.on_stderr_line(lines[i]);
}

std::vector<pid_t> Run::Machine::processes() const {
    std::vector<pid_t> pids;
    for (const auto& member : members_) pids.push_back(member->pid());
    return pids;
}

} // namespace buzon::filter
