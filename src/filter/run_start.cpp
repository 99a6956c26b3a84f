// Starts a run: pipes, hosts, programs, watches.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "run_machine.h"

namespace buzon::filter {
namespace {

// A pipe that a program writes to; the reading end may be ours. A larger pipe saves turns, but any size works.
posix::Result<posix::Pipe> large_pipe(std::size_t octets) {
    posix::Result<posix::Pipe> pipe = posix::make_pipe(false);
    if (pipe) ::fcntl(pipe.value().read_end.get(), F_SETPIPE_SZ, static_cast<int>(octets));
    return pipe;
}

bool is_lack(std::error_code why) noexcept {
    return why.value() == EMFILE || why.value() == ENFILE;
}

} // namespace

Outcome Run::Machine::start(const FilterSpec& spec, posix::UniqueFd input, const Environment& environment,
                            const Limits& limits, int into) {
    into_ = into;
    paused_ = false;
    left_.reset();
    progress_.limit = limits.without_progress;
    progress_.before_kill = limits.between_term_and_kill;
    paths_.clear();
    for (const FilterMember& member : spec.members()) paths_.push_back(member.path);
    if (spec.empty()) return refused({EINVAL, std::system_category()}, "no specification", 0);

    Outcome outcome = start_members(spec, std::move(input), environment, limits);
    if (const std::error_code why = outcome.ok() ? watch_output() : std::error_code{})
        outcome = refused(why, "pipe", members_.size() - 1);
    if (!outcome.ok()) {
        close_down();
        return outcome;
    }
    state_ = State::running;
    progress_.last = event::Clock::now();
    progress_.input = progress_.into = 0;
    watch_the_clock();
    return outcome;
}

Outcome Run::Machine::start_members(const FilterSpec& spec, posix::UniqueFd input, const Environment& environment,
                                    const Limits& limits) {
    posix::Result<posix::Pipe> errors = posix::make_pipe(false);
    if (!errors) return refused(errors.error(), "pipe", 0);
    if (const std::error_code why = stderr_.open(loop_, std::move(errors.value().read_end), limits))
        return refused(why, "pipe", 0);
    input_ = std::move(input);
    const std::size_t count = spec.members().size();
    // Get all descriptors before starting any program: otherwise one would run for nothing if the next found none.
    std::vector<posix::Pipe> outputs;
    std::vector<Lease> hosts;
    for (std::size_t i = 0; i < count; ++i) {
        const bool to_file = into_ >= 0 && i + 1 == count;
        posix::Result<posix::Pipe> output = to_file ? posix::Pipe{} : large_pipe(limits.pipe_octets);
        if (!output) return refused(output.error(), "pipe", i);
        outputs.push_back(std::move(output).value());
        posix::Result<Lease> host = hosts_.take(limits.owner);
        if (!host) return refused(host.error(), "host", i);
        hosts.push_back(std::move(host).value());
    }
    const std::vector<std::string> variables = variables_of(environment);
    members_.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        const FilterMember& member = spec.members()[i];
        const int reads = i == 0 ? input_.get() : outputs[i - 1].read_end.get();
        const int writes = outputs[i].write_end ? outputs[i].write_end.get() : into_;
        const Program program{member.path,      member.arguments,
                              variables,        {reads, writes, errors.value().write_end.get()},
                              limits.resources, limits.jail.get()};
        if (const std::error_code why = start_member(program, std::move(hosts[i]), limits.owner))
            return refused(why, "host", i);
    }
    output_ = std::move(outputs.back().read_end);
    return {};
}

// A free host may have been killed: then try the next one.
std::error_code Run::Machine::start_member(const Program& program, Lease host, const ProgramOwner& owner) {
    std::error_code why;
    for (std::size_t tries = 0; tries <= Hosts::max_free; ++tries) {
        auto member = std::make_unique<Member>(static_cast<Member::Owner&>(*this), std::move(host));
        why = member->start(program);
        if (!why) {
            members_.push_back(std::move(member));
            return {};
        }
        if (why.value() != EPIPE && why.value() != ECONNRESET) return why;
        posix::Result<Lease> next = hosts_.take(owner);
        if (!next) return next.error();
        host = std::move(next).value();
    }
    return why;
}

std::error_code Run::Machine::watch_output() {
    if (!output_) return {};
    if (::fcntl(output_.get(), F_SETFL, O_NONBLOCK) != 0) return posix::last_error();
    return output_watch_.start(loop_, output_.get(), EPOLLIN, on_output_);
}

Outcome Run::Machine::refused(std::error_code why, std::string_view step, std::size_t member) const {
    Outcome outcome = no_start(paths_.empty() ? "no program" : paths_[member], why, step);
    if (!members_.empty()) outcome.cause = Cause::cannot_start;
    return outcome;
}

Outcome no_start(std::string_view program, std::error_code why, std::string_view step) {
    std::string text = std::string{program} + ": cannot start: " + why.message();
    if (step != "execve") text += " (" + std::string{step} + ")";
    if (step == "execve" && why.value() == ENOENT) text += " (the file, or its interpreter)";
    if (step == "execve" && why.value() == ENOEXEC) text += " (a script needs a first line such as #!/bin/sh)";
    return {is_lack(why) ? Cause::no_descriptor : Cause::cannot_start, std::move(text)};
}

std::string in_words(std::chrono::milliseconds time) {
    const auto count = time.count();
    return count % 1000 == 0 ? std::to_string(count / 1000) + " s" : std::to_string(count) + " ms";
}

} // namespace buzon::filter
