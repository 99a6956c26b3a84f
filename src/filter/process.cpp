// A process of a long-running program: its start and its end.
#include "process.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "buzon/event/memory.h"

namespace buzon::filter {

using posix::Moved;
using posix::Transfer;

namespace {

constexpr int looks_per_limit = 8; // checks of what the program has read, per time limit

// The environment is the same for all messages.
const std::vector<std::string>& variables() {
    static const std::vector<std::string> both = [] {
        const Environment usual;
        return std::vector<std::string>{"PATH=" + usual.path, "LANG=" + usual.lang};
    }();
    return both;
}

std::error_code never_block_on(int fd, std::size_t octets) noexcept {
    ::fcntl(fd, F_SETPIPE_SZ, static_cast<int>(octets)); // any size works
    return ::fcntl(fd, F_SETFL, O_NONBLOCK) == 0 ? std::error_code{} : posix::last_error();
}

int octets_waiting(int pipe) noexcept {
    int octets = 0;
    return ::ioctl(pipe, FIONREAD, &octets) == 0 ? octets : 0;
}

} // namespace

Process::Process(event::EventLoop& loop, Processes& pool, const ProcessKey& key, const Limits& limits)
    : loop_{loop}, pool_{pool}, key_{key}, limits_{limits} {}

Process::~Process() = default;

Outcome Process::start(Hosts& hosts) {
    const std::string name = key_.member.name();
    std::array<posix::Pipe, 3> pipes;
    for (posix::Pipe& pipe : pipes) {
        posix::Result<posix::Pipe> made = posix::make_pipe(false);
        if (!made) return no_start(name, made.error(), "pipe");
        pipe = std::move(made).value();
    }
    input_.fd = std::move(pipes[0].write_end);
    output_.fd = std::move(pipes[1].read_end);
    std::error_code why = never_block_on(input_.fd.get(), limits_.pipe_octets);
    if (!why) why = never_block_on(output_.fd.get(), limits_.pipe_octets);
    if (!why) why = output_.watch.start(loop_, output_.fd.get(), EPOLLIN, output_);
    if (!why) why = errors_.open(loop_, std::move(pipes[2].read_end), limits_);
    if (why) return no_start(name, why, "pipe");
    why = start_program(hosts, {pipes[0].read_end.get(), pipes[1].write_end.get(), pipes[2].write_end.get()});
    if (why) return no_start(name, why, "host");
    // The pipe is empty, so this fits.
    (void)!::write(input_.fd.get(), protocol_hello.data(), protocol_hello.size());
    times_.last = event::Clock::now();
    watch_the_clock();
    return {};
}

// A free host may have been killed: then try the next one.
std::error_code Process::start_program(Hosts& hosts, const std::array<int, 3>& descriptors) {
    Program program{key_.member.path, key_.member.arguments, variables(), {descriptors.begin(), descriptors.end()},
                    key_.resources,   key_.jail.get()};
    program.lives_on = true;
    std::error_code why;
    for (std::size_t tries = 0; tries <= Hosts::max_free; ++tries) {
        posix::Result<Lease> host = hosts.take(key_.owner);
        if (!host) return host.error();
        lease_ = std::move(host).value();
        why = lease_.start(program, *this);
        if (why.value() != EPIPE && why.value() != ECONNRESET) return why;
    }
    return why;
}

// --- events from its host ---

void Process::on_watched(posix::UniqueFd file) {
    file_.fd = std::move(file);
    // Without a watch, a replaced file is noticed only when the next message comes (outdated()).
    (void)file_.watch.start(loop_, file_.fd.get(), EPOLLIN, file_);
}

void Process::on_file_changed() {
    file_.close();
    stale_ = true;
    if (idle()) retire();
}

bool Process::outdated() const noexcept {
    return file_.fd && octets_waiting(file_.fd.get()) != 0;
}

void Process::on_refused(std::error_code why, std::string_view step) {
    Outcome outcome = no_start(key_.member.name(), why, step);
    outcome.cause = Cause::cannot_start;
    message_.outcome = std::move(outcome);
    pool_.failed(key_);
    be_gone();
    tell();
}

void Process::on_program_ended(const End& end) {
    end_ = end;
    if (state_ == State::leaving) return be_gone();
    // Its answer may still be in the pipe.
    if (output_.fd) return;
    ended_too_early();
    tell();
}

void Process::on_host_lost() {
    if (state_ == State::leaving) return be_gone();
    end_ = End{true, SIGKILL};
    fault(Cause::system, "its host process died");
    tell();
}

// --- its end ---

// Its output has ended, so nothing more will come. The reason is known only once the process has ended.
void Process::output_ended() {
    output_.close();
    if (end_) return ended_too_early();
    if (state_ == State::idle) return let_go(false);
    lease_.signal(SIGTERM); // in case it has only closed its output
    timer_.arm(loop_.timers(), loop_.now() + limits_.between_term_and_kill);
}

void Process::ended_too_early() {
    const std::string_view missing = parser_.expected();
    if (state_ == State::idle) {
        if (!end_->well()) pool_.events_.on_process_line(key_.member, "ended while idle: " + end_->text());
        return be_gone();
    }
    const Cause cause = end_->well() ? Cause::protocol : end_->killed ? Cause::signal : Cause::exit_status;
    std::string text = end_->text();
    if (!missing.empty()) text.append(" before ").append(missing);
    fault(cause, text);
}

void Process::fault(Cause cause, std::string_view why) {
    if (!counts()) return;
    const std::string text = key_.member.name() + ": " + std::string{why};
    if (message_.owner) {
        if (!message_.outcome) message_.outcome = Outcome{cause, text};
        pool_.failed(key_);
    } else {
        pool_.events_.on_process_line(key_.member, why);
        if (state_ == State::starting) pool_.failed(key_);
    }
    let_go(true);
}

// Closes its input, so that it ends.
void Process::retire() {
    stale_ = true;
    if (idle()) let_go(false);
}

void Process::let_go(bool at_once) {
    if (!counts()) return;
    event::guarded([this] { tell_lines(errors_.read_last()); }, [] {}); // without memory, its last lines are lost
    state_ = State::leaving;
    input_.close();
    output_.close();
    errors_.close();
    file_.close();
    if (end_ || !lease_) return be_gone();
    if (at_once) {
        lease_.signal(SIGTERM);
        lease_.signal(SIGCONT); // a stopped program would not get the SIGTERM
    }
    timer_.arm(loop_.timers(), loop_.now() + limits_.between_term_and_kill);
}

void Process::be_gone() noexcept {
    state_ = State::gone;
    for (Channel* const channel : {&input_, &output_, &file_}) channel->close();
    errors_.close();
    timer_.disarm();
    lease_.release(); // kills what is left
    pool_.gone();
}

// --- the clock ---

void Process::watch_the_clock() {
    const auto limit = limits_.without_progress;
    if (limit.count() == 0) return;
    const event::Instant now = event::Clock::now();
    const event::Instant end = times_.last + limit;
    const auto step = limit / looks_per_limit;
    timer_.arm(loop_.timers(), end > now ? std::min(end, now + step) : now + step);
}

void Process::on_timer(event::Timer&) {
    if (state_ == State::leaving) return be_gone();
    if (!output_.fd) { // it has closed its output, but has not ended
        fault(Cause::protocol, "it closed its output before " + std::string{parser_.expected()});
        return tell();
    }
    if (paused_ || state_ == State::idle || message_.outcome) return;
    // Nothing reports what it has read, so we poll.
    const int unread = octets_waiting(input_.fd.get());
    if (std::exchange(times_.unread, unread) > unread) times_.last = loop_.now();
    if (loop_.now() < times_.last + limits_.without_progress) return watch_the_clock();
    fault(Cause::time_limit, "no progress for " + in_words(limits_.without_progress));
    tell();
}

// --- standard error ---

void Process::tell_lines(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
        if (message_.owner)
            message_.owner->on_process_line(line);
        else
            pool_.events_.on_process_line(key_.member, line);
    }
}

void Process::tell() {
    if (message_.owner) message_.owner->on_process_output();
}

bool Process::answers_too_early() {
    // If everything it was given is still in the pipe, it has read nothing of this message.
    const auto given = static_cast<std::uint64_t>(octets_waiting(input_.fd.get()));
    return input_.fd && given >= message_.given;
}

} // namespace buzon::filter
