// Starts a run: pipes, programs, watches.
#include <fcntl.h>

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

// Sets one end only: the program's end stays blocking, as programs expect.
std::error_code never_block(int fd) noexcept {
    if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) return posix::last_error();
    return {};
}

} // namespace

Outcome Run::Machine::start(const FilterSpec& spec, posix::UniqueFd input, const Environment& environment,
                            const Limits& limits) {
    lines_ = StderrLines{limits.stderr_lines, limits.stderr_line_octets};
    progress_.limit = limits.without_progress;
    progress_.before_kill = limits.between_term_and_kill;
    paths_.clear();
    for (const FilterMember& member : spec.members()) paths_.push_back(member.path);
    if (spec.empty()) return refused({EINVAL, std::system_category()}, "no specification", 0);

    Outcome outcome = start_members(spec, std::move(input), environment, limits);
    if (outcome.ok()) outcome = start_watches();
    if (!outcome.ok()) {
        close_down();
        return outcome;
    }
    state_ = State::running;
    // Not the loop's time: loading the programs may have taken much of this turn.
    progress_.last = event::Clock::now();
    progress_.inputs.assign(members_.size(), 0);
    watch_the_clock();
    return outcome;
}

Outcome Run::Machine::start_members(const FilterSpec& spec, posix::UniqueFd input, const Environment& environment,
                                    const Limits& limits) {
    posix::Result<posix::Pipe> errors = posix::make_pipe(false);
    if (!errors) return refused(errors.error(), "pipe", 0);
    stderr_ = std::move(errors.value().read_end);
    input_ = std::move(input);
    const std::size_t count = spec.members().size();
    // Get all descriptors before starting any program, including those for the processes: otherwise a program would run
    // for nothing if the next one found none.
    std::vector<posix::Pipe> outputs;
    std::vector<posix::UniqueFd> room(count > 1 ? count : 0);
    for (std::size_t i = 0; i < count; ++i) {
        posix::Result<posix::Pipe> output = large_pipe(limits.pipe_octets);
        if (!output) return refused(output.error(), "pipe", i);
        outputs.push_back(std::move(output).value());
        if (room.empty()) continue;
        room[i].reset(::fcntl(input_.get(), F_DUPFD_CLOEXEC, 0));
        if (!room[i]) return refused(posix::last_error(), "dup", i);
    }
    posix::UniqueFd of_previous; // output of the previous program
    for (std::size_t i = 0; i < count; ++i) {
        const FilterMember& member = spec.members()[i];
        if (!room.empty()) room[i].reset();
        auto begun = std::make_unique<Member>(loop_, static_cast<Member::Owner&>(*this));
        members_.reserve(count);
        Launch launch =
            launcher_.start({member.path, member.arguments, environment, i == 0 ? input_.get() : of_previous.get(),
                             outputs[i].write_end.get(), errors.value().write_end.get(), limits.resources,
                             limits.run_as ? &*limits.run_as : nullptr});
        if (!launch.ok()) return refused(launch.why, launch.step, i);
        begun->take(std::move(launch.started));
        members_.push_back(std::move(begun));
        outputs[i].write_end.reset(); // close it before the next program starts, or nobody would see the end of this
                                      // one's output
        of_previous = std::move(outputs[i].read_end);
    }
    output_ = std::move(of_previous); // the output of the last one
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
    std::string text =
        (paths_.empty() ? std::string{"no program"} : paths_[member]) + ": cannot start: " + why.message();
    if (step != "execve") text += " (" + std::string{step} + ")";
    if (step == "execve" && why.value() == ENOENT) text += " (the file, or its interpreter)";
    if (step == "execve" && why.value() == ENOEXEC) text += " (a script needs a first line such as #!/bin/sh)";
    const bool full = (why.value() == EMFILE || why.value() == ENFILE) && members_.empty();
    return {full ? Cause::no_descriptor : Cause::cannot_start, std::move(text)};
}

} // namespace buzon::filter
