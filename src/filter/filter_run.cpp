#include "buzon/filter/filter_run.h"

#include "run_machine.h"

namespace buzon::filter {

Run::Run(event::EventLoop& loop, Hosts& hosts, RunEvents& events)
    : machine_{std::make_unique<Machine>(loop, hosts, events)} {}
Run::~Run() = default;

Outcome Run::start(const FilterSpec& spec, posix::UniqueFd input, const Environment& environment, const Limits& limits,
                   int into) {
    return machine_->start(spec, std::move(input), environment, limits, into);
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
std::vector<pid_t> Run::processes() const {
    return machine_->processes();
}

} // namespace buzon::filter
