#include "buzon/filter/filter_run.h"

#include <utility>

#include "run_machine.h"

namespace buzon::filter {

std::string_view name_of(Cause cause) noexcept {
    switch (cause) {
    case Cause::none: return "none";
    case Cause::cannot_start: return "cannot-start";
    case Cause::no_descriptor: return "no-descriptor";
    case Cause::exit_status: return "exit-status";
    case Cause::signal: return "signal";
    case Cause::time_limit: return "time-limit";
    case Cause::system: return "system";
    }
    return "system";
}

Run::Run(event::EventLoop& loop, Launcher& launcher, RunEvents& events)
    : machine_{std::make_unique<Machine>(loop, launcher, events)} {}
Run::~Run() = default;

Outcome Run::start(const FilterSpec& spec, posix::UniqueFd input, const Environment& environment,
                   const Limits& limits) {
    return machine_->start(spec, std::move(input), environment, limits);
}
posix::Transfer Run::read(std::span<char> into) {
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
